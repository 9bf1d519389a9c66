// SPDX-License-Identifier: Apache-2.0
// Keeps threads on cores of their own. Program tarn.
#pragma once

#include <cstddef>

namespace tarn::tools {

/// Cores that this process may run on; at least 1.
[[nodiscard]] std::size_t core_count() noexcept;

/// Keeps the calling thread on the core number `thread` of those that the process was started on,
/// counted from the last one (the first ones get most interrupts) and around.
///
/// Without an effect where the system does not allow it.
void pin_this_thread(std::size_t thread) noexcept;

}  // namespace tarn::tools
