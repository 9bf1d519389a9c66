// SPDX-License-Identifier: Apache-2.0
// An allocation trace in memory, after every rule of its format has been checked. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tarn::tools {

enum class TraceOp : std::uint8_t { malloc, calloc, memalign, realloc, free };

/// The header's numbers and words, by the names of the format's description.
struct TraceHeader {
  std::uint32_t thread_count = 0;
  std::uint64_t object_count = 0;
  std::uint64_t event_count = 0;
  std::uint64_t prologue_events = 0;
  std::uint64_t epilogue_events = 0;
  std::uint64_t peak_live_bytes = 0;
  std::uint64_t duration_us = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t payload_crc = 0;
  std::string program;
  std::string workload;
};

/// One call of the malloc family.
struct TraceEvent {
  std::uint64_t size = 0;    // of the object that begins
  std::uint32_t begins = 0;  // its id; malloc, calloc, memalign, realloc
  std::uint32_t ends = 0;    // the id of the object that ends; realloc, free
  std::uint32_t thread = 0;
  TraceOp op = TraceOp::malloc;
  std::uint8_t alignment_log2 = 0;  // memalign

  [[nodiscard]] bool begins_object() const noexcept { return op != TraceOp::free; }
  [[nodiscard]] bool ends_object() const noexcept { return op >= TraceOp::realloc; }
};

static_assert(sizeof(TraceEvent) == 24, "held once an event; a trace has a million of them");

/// Limits of this program, not of the format. What a file can make the reader allocate follows
/// from the first: 24 bytes an event and 24 an object, about 800 MB.
inline constexpr std::uint64_t kMaxTraceEvents = std::uint64_t{1} << 24;
inline constexpr std::uint64_t kMaxTraceBytes = std::uint64_t{1} << 47;  // one process's addresses
inline constexpr unsigned kMaxAlignmentLog2 = 46;

struct Trace {
  TraceHeader header;
  std::vector<TraceEvent> events;
};

}  // namespace tarn::tools
