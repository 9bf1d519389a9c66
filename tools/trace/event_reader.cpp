// SPDX-License-Identifier: Apache-2.0
// Reads a trace's events one by one, following what is live. Program tarn.
#include "trace/event_reader.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "common/text.hpp"
#include "trace/header_reader.hpp"

namespace tarn::tools {

namespace {

constexpr std::array<const char*, 5> kOpNames = {"malloc", "calloc", "memalign", "realloc", "free"};
constexpr unsigned kMaxVarintBytes = 10;

}  // namespace

EventReader::EventReader(Input& input, const TraceHeader& header)
    : input_(input), header_(header), payload_end_(input.position() + header.payload_bytes) {}

std::vector<TraceEvent> EventReader::read_all() {
  std::vector<TraceEvent> events;  // grows with what is read: the header's count is only a claim
  for (index_ = 0; index_ < header_.event_count; ++index_) events.push_back(read_event());
  require_promises();
  return events;
}

void EventReader::fail(const std::string& what, std::uint64_t at) const {
  throw TraceError(concat("event ", index_, ": ", what, ","), at, input_.byte_of());
}

void EventReader::fail_cut_short(std::uint64_t at, const char* what) {
  if (at >= payload_end_) {
    fail(concat("its ", what, " lies past the payload of ", header_.payload_bytes, " bytes"), at);
  }
  fail(concat("the trace, ", payload_end_, " bytes by its header, ends within its ", what), at);
}

std::uint64_t EventReader::read_varint(const char* what) {
  input_.ensure(kMaxVarintBytes);
  const std::span<const std::uint8_t> bytes = input_.visible();
  at_ = input_.position();
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kMaxVarintBytes; ++i) {
    if (i == bytes.size() || at_ + i == payload_end_) fail_cut_short(at_ + i, what);
    const std::uint8_t byte = bytes[i];
    value |= (byte & std::uint64_t{0x7f}) << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    if (byte == 0 && i != 0) fail(concat("its ", what, " is not in the shortest form"), at_);
    if (i == kMaxVarintBytes - 1 && byte > 1) break;
    crc_.add(bytes.first(i + 1));
    input_.consume(i + 1);
    return value;
  }
  fail(concat("its ", what, " does not fit 64 bits"), at_);
}

TraceEvent EventReader::read_event() {
  event_at_ = input_.position();
  TraceEvent event;
  const std::uint64_t tag = read_varint("thread and op");
  if ((tag & 7U) > static_cast<unsigned>(TraceOp::free)) {
    fail(concat("op ", tag & 7U, " is not one of 0 to 4"), at_);
  }
  event.op = static_cast<TraceOp>(tag & 7U);
  read_thread(tag >> 3, event);
  require_place(event.op);
  if (event.op == TraceOp::memalign) read_alignment(event);
  if (event.ends_object()) read_end(event);
  if (event.begins_object()) read_size(event);
  if (event.ends_object()) end_object(event);
  if (event.begins_object()) begin_object(event);
  read_time();
  return event;
}

void EventReader::read_thread(std::uint64_t thread, TraceEvent& event) {
  if (thread >= header_.thread_count) {
    fail(concat("thread ", thread, " of a trace of ", header_.thread_count), at_);
  }
  if (thread > threads_) {
    fail(concat("thread ", thread, " appears before thread ", threads_), at_);
  }
  event.thread = static_cast<std::uint32_t>(thread);
  threads_ = std::max(threads_, event.thread + 1);
}

void EventReader::require_place(TraceOp op) {
  const char* name = kOpNames[static_cast<std::size_t>(op)];
  if (in_prologue() && op >= TraceOp::realloc) fail(concat("a ", name, " in the prologue"), at_);
  if (in_epilogue() && op != TraceOp::free) fail(concat("a ", name, " in the epilogue"), at_);
}

void EventReader::read_alignment(TraceEvent& event) {
  const std::uint64_t log2 = read_varint("alignment");
  if (log2 > kMaxAlignmentLog2) {
    fail(concat("its alignment is 2^", log2, ", more than 2^", kMaxAlignmentLog2), at_);
  }
  event.alignment_log2 = static_cast<std::uint8_t>(log2);
}

void EventReader::read_size(TraceEvent& event) {
  event.size = read_varint("size");
  if (event.size > kMaxTraceBytes) {
    fail(concat("its size is ", event.size, ", more than any process has"), at_);
  }
}

void EventReader::read_end(TraceEvent& event) {
  const std::uint64_t back = read_varint("object");
  if (back >= objects_.size()) {
    fail(concat("it goes back by ", back, ", past the first of ", objects_.size(), " objects"),
         at_);
  }
  const std::uint64_t id = objects_.size() - 1 - back;
  if (!objects_[id].live) {
    fail(concat("object ", id, " is not live, event ", objects_[id].event, " ended it"), at_);
  }
  event.ends = static_cast<std::uint32_t>(id);
  if (in_epilogue()) require_epilogue_order(event);
}

void EventReader::require_epilogue_order(const TraceEvent& event) {
  const Object& object = objects_[event.ends];
  if (event.thread != object.thread) {
    fail(concat("in the epilogue thread ", event.thread, " frees object ", event.ends,
                " of thread ", object.thread),
         event_at_);
  }
  if (event.ends < epilogue_next_) {
    fail(concat("the epilogue frees object ", event.ends, " after a newer one"), at_);
  }
  epilogue_next_ = std::uint64_t{event.ends} + 1;
}

void EventReader::end_object(const TraceEvent& event) {
  Object& object = objects_[event.ends];
  object.live = false;
  object.event = index_;
  live_bytes_ -= object.size;
  --live_objects_;
}

void EventReader::begin_object(TraceEvent& event) {
  if (objects_.size() == header_.object_count) {
    fail(concat("one object more than the header's ", header_.object_count), event_at_);
  }
  event.begins = static_cast<std::uint32_t>(objects_.size());
  objects_.push_back(Object{event.size, index_, event.thread, true});
  ++live_objects_;
  live_bytes_ += event.size;
  if (live_bytes_ > kMaxTraceBytes) {
    fail(concat(live_bytes_, " bytes are live, more than any process has"), at_);
  }
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
}

void EventReader::read_time() {
  const std::uint64_t delta = read_varint("time");
  const bool outside = in_prologue() || in_epilogue();
  if (delta != 0 && (index_ == 0 || outside)) {
    fail(concat("its time is ", delta, " us after the event before, in a place where none passes"),
         at_);
  }
  if (delta > header_.duration_us - time_us_) {
    fail(concat("its time is ", delta, " us after the event before, past the header's duration of ",
                header_.duration_us),
         at_);
  }
  time_us_ += delta;
}

void EventReader::require_promises() {
  const auto require = [&](const char* what, std::uint64_t said, std::uint64_t is,
                           std::uint64_t at) {
    if (said == is) return;
    throw TraceError(concat("the header says ", what, " ", said, ", the events ", is, ","), at,
                     input_.byte_of());
  };
  if (input_.position() != payload_end_) {
    throw TraceError(concat(payload_end_ - input_.position(),
                            " bytes of the payload are left after the last event, the first"),
                     input_.position(), input_.byte_of());
  }
  if (input_.ensure(1)) {
    throw TraceError("more bytes follow the payload, the first", input_.position(),
                     input_.byte_of());
  }
  require("payload CRC-32", header_.payload_crc, crc_.value(), header_at::kCrc);
  require("thread_count", header_.thread_count, threads_, header_at::kThreads);
  require("object_count", header_.object_count, objects_.size(), header_at::kObjects);
  require("peak_live_bytes", header_.peak_live_bytes, peak_bytes_, header_at::kPeak);
  require("duration_us", header_.duration_us, time_us_, header_at::kDuration);
  if (live_objects_ == 0) return;
  const auto live = std::find_if(objects_.begin(), objects_.end(),
                                 [](const Object& object) { return object.live; });
  throw TraceError(concat(live_objects_, " objects are live at the end, the first is ",
                          live - objects_.begin(), " of event ", live->event, ","),
                   payload_end_, input_.byte_of());
}

}  // namespace tarn::tools
