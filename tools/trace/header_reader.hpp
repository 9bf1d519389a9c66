// SPDX-License-Identifier: Apache-2.0
// Reads a trace's header. Program tarn.
#pragma once

#include "trace/input.hpp"
#include "trace/trace.hpp"

namespace tarn::tools {

/// Consumes the header; the input then stands at the first event.
///
/// @errors TraceError for everything that the header alone shows to be wrong.
[[nodiscard]] TraceHeader read_trace_header(Input& input);

/// Offsets of the header's fields, which faults found later refer to.
namespace header_at {
inline constexpr std::uint64_t kVersion = 4, kLength = 6, kThreads = 8, kFlags = 12, kObjects = 16,
                               kEvents = 24, kPrologue = 32, kEpilogue = 40, kPeak = 48,
                               kDuration = 56, kPayload = 64, kCrc = 72, kZero = 76,
                               kProgramLength = 80, kProgram = 82;
}  // namespace header_at

}  // namespace tarn::tools
