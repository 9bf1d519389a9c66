// SPDX-License-Identifier: Apache-2.0
// Reads a trace's header. Program tarn.
#include "trace/header_reader.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr std::size_t kFixedBytes = 84;       // of the header: all but its two texts
constexpr std::uint64_t kMinEventBytes = 3;   // tag, one operand, time
constexpr std::uint64_t kMaxEventBytes = 40;  // four varints of ten bytes

using Bytes = std::span<const std::uint8_t>;

std::uint64_t little_endian(Bytes bytes, std::uint64_t at, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    value |= std::uint64_t{bytes[static_cast<std::size_t>(at) + i]} << (8 * i);
  }
  return value;
}

[[noreturn]] void fail(const std::string& what, std::uint64_t at, const Input& input) {
  throw TraceError(what + ",", at, input.byte_of());
}

/// The length of the UTF-8 sequence that `text` starts with, 0 when it is none.
std::size_t utf8_sequence(Bytes text) {
  const unsigned lead = text[0];
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((text[i] & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = text[1];
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return length;
}

std::string read_text(Bytes bytes, std::uint64_t at, std::uint64_t length, const Input& input) {
  const Bytes text = bytes.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t sequence = utf8_sequence(text.subspan(i));
    if (sequence == 0) fail("text that is not UTF-8", at + i, input);
    i += sequence;
  }
  return std::string(text.begin(), text.end());
}

void require_signature(Input& input) {
  constexpr std::array<std::uint8_t, 4> kMagic = {'A', 'T', 'R', 'C'};
  input.ensure(kFixedBytes);
  const Bytes bytes = input.visible();
  for (std::size_t i = 0; i < kMagic.size(); ++i) {
    if (i == bytes.size()) fail("the header is cut short", i, input);
    if (bytes[i] != kMagic[i]) fail("no trace: it does not start with ATRC; differs", i, input);
  }
  if (bytes.size() < kFixedBytes) fail("the header is cut short", bytes.size(), input);
}

/// Makes all of the header visible; returns its length.
std::size_t require_length(Input& input) {
  const std::uint64_t length = little_endian(input.visible(), header_at::kLength, 2);
  const std::uint64_t program = little_endian(input.visible(), header_at::kProgramLength, 2);
  if (length < kFixedBytes) {
    fail(concat("the header's length is ", length, ", at least 84 are needed"), header_at::kLength,
         input);
  }
  if (program > length - kFixedBytes) {
    fail(concat("the program's name of ", program, " bytes reaches past the header's ", length),
         header_at::kProgramLength, input);
  }
  if (!input.ensure(static_cast<std::size_t>(length))) {
    fail(concat("the header of ", length, " bytes is cut short"), input.available(), input);
  }
  const std::uint64_t workload = little_endian(input.visible(), header_at::kProgram + program, 2);
  if (length != kFixedBytes + program + workload) {
    fail(concat("the header's length is ", length, ", its parts take ",
                kFixedBytes + program + workload),
         header_at::kLength, input);
  }
  return static_cast<std::size_t>(length);
}

void require_constants(const Input& input) {
  const Bytes bytes = input.visible();
  const auto require = [&](std::uint64_t at, unsigned width, std::uint64_t want, const char* name) {
    const std::uint64_t got = little_endian(bytes, at, width);
    if (got != want) fail(concat(name, " is ", got, ", not ", want), at, input);
  };
  require(header_at::kVersion, 2, 1, "the version");
  require(header_at::kFlags, 4, 0, "the field of flags");
  require(header_at::kZero, 4, 0, "the reserved field");
}

/// What must hold between the counts of any well-formed trace.
void require_possible_counts(const TraceHeader& h, const Input& input) {
  if (h.event_count > kMaxTraceEvents) {
    fail(concat("event_count is ", h.event_count, ", this program holds at most ", kMaxTraceEvents),
         header_at::kEvents, input);
  }
  // Each object begins once and ends once, a realloc does both.
  if (h.object_count > h.event_count || h.event_count > 2 * h.object_count) {
    fail(concat("object_count is ", h.object_count, ", impossible with ", h.event_count, " events"),
         header_at::kObjects, input);
  }
  if (h.thread_count > h.event_count || (h.thread_count == 0 && h.event_count != 0)) {
    fail(concat("thread_count is ", h.thread_count, ", impossible with ", h.event_count, " events"),
         header_at::kThreads, input);
  }
  if (h.prologue_events > h.object_count) {
    fail(concat("prologue_events is ", h.prologue_events, ", with ", h.object_count, " objects"),
         header_at::kPrologue, input);
  }
  if (h.epilogue_events > h.object_count || h.epilogue_events > h.event_count - h.prologue_events) {
    fail(concat("epilogue_events is ", h.epilogue_events, ", with ", h.object_count,
                " objects and ", h.event_count - h.prologue_events, " events after the prologue"),
         header_at::kEpilogue, input);
  }
  if (h.payload_bytes < h.event_count * kMinEventBytes ||
      h.payload_bytes > h.event_count * kMaxEventBytes) {
    fail(concat("payload_bytes is ", h.payload_bytes, ", impossible with ", h.event_count,
                " events of 3 to 40 bytes"),
         header_at::kPayload, input);
  }
}

}  // namespace

TraceHeader read_trace_header(Input& input) {
  require_signature(input);
  require_constants(input);
  const std::size_t length = require_length(input);
  const Bytes bytes = input.visible();
  TraceHeader h;
  h.thread_count = static_cast<std::uint32_t>(little_endian(bytes, header_at::kThreads, 4));
  h.object_count = little_endian(bytes, header_at::kObjects, 8);
  h.event_count = little_endian(bytes, header_at::kEvents, 8);
  h.prologue_events = little_endian(bytes, header_at::kPrologue, 8);
  h.epilogue_events = little_endian(bytes, header_at::kEpilogue, 8);
  h.peak_live_bytes = little_endian(bytes, header_at::kPeak, 8);
  h.duration_us = little_endian(bytes, header_at::kDuration, 8);
  h.payload_bytes = little_endian(bytes, header_at::kPayload, 8);
  h.payload_crc = static_cast<std::uint32_t>(little_endian(bytes, header_at::kCrc, 4));
  require_possible_counts(h, input);

  const std::uint64_t program = little_endian(bytes, header_at::kProgramLength, 2);
  const std::uint64_t workload_at = header_at::kProgram + program + 2;
  h.program = read_text(bytes, header_at::kProgram, program, input);
  h.workload = read_text(bytes, workload_at, length - workload_at, input);
  input.consume(length);
  return h;
}

}  // namespace tarn::tools
