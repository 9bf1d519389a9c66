// SPDX-License-Identifier: Apache-2.0
// What must hold for any bytes at all that are given to the reader. Tests of the program.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "replay/script.hpp"
#include "trace/trace_error.hpp"
#include "trace/trace_reader.hpp"

namespace tarn::tools {

[[noreturn]] inline void fail_input(const char* what) {
  std::fprintf(stderr, "any_input: %s\n", what);
  std::abort();
}

/// Reads `bytes` as a trace; aborts when the reader breaks its word.
///
/// @returns whether it is a trace.
inline bool try_any_input(std::span<const std::uint8_t> bytes) {
  Trace trace;
  try {
    trace = read_trace_bytes(bytes);
  } catch (const TraceError& error) {
    if (error.byte_of() == ByteOf::file && error.byte() > bytes.size()) {
      fail_input("a fault behind the end of the file");
    }
    return false;
  }
  if (trace.events.size() != trace.header.event_count) fail_input("events are missing");
  // Whatever the reader accepts can be laid out: its counts are right.
  for (const bool recorded_threads : {false, true}) {
    const SharedBlock block = make_script(trace, recorded_threads);
    if (request_of(block).object_count != trace.header.object_count) fail_input("objects differ");
  }
  return true;
}

}  // namespace tarn::tools
