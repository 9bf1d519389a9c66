// SPDX-License-Identifier: Apache-2.0
// How tarn itself logs. Layer base.
#pragma once

#include <string_view>

#include "tarn/log.hpp"

namespace tarn::base {

/// Passes one line to the user's sink, or to the default one. Works before main and during static
/// destruction. The caller holds no lock that a sink could need.
void log(LogLevel level, std::string_view message) noexcept;

/// Whether log() would do anything with this level: ask before putting an expensive message
/// together.
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

/// The last words before abort(), as an error: for the user's sink only, and only if nobody is
/// inside it, so that this never waits.
void log_last_words(std::string_view message) noexcept;

}  // namespace tarn::base
