// SPDX-License-Identifier: Apache-2.0
// Reads a trace's events one by one, following what is live. Program tarn.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/crc32.hpp"
#include "trace/input.hpp"
#include "trace/trace.hpp"

namespace tarn::tools {

/// Reads the payload: each event by itself, then what it means for the objects, then, at the end,
/// what the header promised.
///
/// Thread safety: one thread at a time.
class EventReader {
 public:
  EventReader(Input& input, const TraceHeader& header);

  /// @errors TraceError at the first byte of the operand, or field of the header, that is wrong.
  [[nodiscard]] std::vector<TraceEvent> read_all();

 private:
  struct Object {
    std::uint64_t size;
    std::uint64_t event;  // that began it, or ended it
    std::uint32_t thread;
    bool live;
  };

  TraceEvent read_event();
  std::uint64_t read_varint(const char* what);
  [[noreturn]] void fail_cut_short(std::uint64_t at, const char* what);
  void read_thread(std::uint64_t thread, TraceEvent& event);
  void read_size(TraceEvent& event);
  void read_alignment(TraceEvent& event);
  void read_end(TraceEvent& event);
  void read_time();
  void begin_object(TraceEvent& event);
  void end_object(const TraceEvent& event);
  void require_place(TraceOp op);
  void require_epilogue_order(const TraceEvent& event);
  void require_promises();
  [[noreturn]] void fail(const std::string& what, std::uint64_t at) const;

  [[nodiscard]] bool in_prologue() const noexcept { return index_ < header_.prologue_events; }
  [[nodiscard]] bool in_epilogue() const noexcept {
    return index_ >= header_.event_count - header_.epilogue_events;
  }

  Input& input_;
  const TraceHeader& header_;
  Crc32 crc_;
  std::uint64_t payload_end_;
  std::uint64_t index_ = 0;     // of the event that is being read
  std::uint64_t at_ = 0;        // of the varint read last
  std::uint64_t event_at_ = 0;  // where the event starts
  std::vector<Object> objects_;
  std::uint64_t live_objects_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::uint64_t peak_bytes_ = 0;
  std::uint64_t time_us_ = 0;
  std::uint32_t threads_ = 0;        // seen so far
  std::uint64_t epilogue_next_ = 0;  // the lowest id that the next free of the epilogue may have
};

}  // namespace tarn::tools
