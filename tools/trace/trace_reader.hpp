// SPDX-License-Identifier: Apache-2.0
// Reads a trace and checks every rule of its format on the way. Program tarn.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "trace/trace.hpp"

namespace tarn::tools {

/// Reads a trace from a file: a zstd frame, or the bare trace.
///
/// @errors UsageError that starts with the path and says what is wrong and at which byte. What is
///         allocated on the way is in proportion to what was read so far, whatever a header says.
[[nodiscard]] Trace read_trace_file(const std::string& path);

/// The same from memory.
///
/// @errors TraceError
[[nodiscard]] Trace read_trace_bytes(std::span<const std::uint8_t> bytes);

/// The name a trace goes by: its file's, without folder, ".zst" and ".atrc".
[[nodiscard]] std::string trace_name(const std::string& path);

}  // namespace tarn::tools
