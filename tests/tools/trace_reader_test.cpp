// SPDX-License-Identifier: Apache-2.0
// Every rule of the trace format, kept and broken: what is reported, and at which byte.
#include "trace/trace_reader.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdint>
#include <functional>
#include <string>

#include "random_trace.hpp"
#include "trace/trace_error.hpp"
#include "trace_builder.hpp"

namespace tarn::tools {
namespace {

// Two threads, every op, all three parts; ids: 0 1 (prologue) 2 3 4 (window).
TraceBuilder sample() {
  TraceBuilder t;
  t.malloc(0, 100).calloc(1, 50).end_prologue();
  t.memalign(0, 6, 24, 5).realloc(1, 0, 300, 7).free(0, 1, 0).malloc(0, 0, 200);
  t.begin_epilogue().free(0, 2).free(1, 3).free(0, 4);
  return t;
}

void expect_fault(const ByteVector& bytes, const std::string& text, std::uint64_t byte) {
  try {
    (void)read_trace_bytes(bytes);
    FAIL() << "no fault, expected: " << text;
  } catch (const TraceError& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    EXPECT_EQ(error.byte(), byte) << error.what();
  }
}

ByteVector packed(const ByteVector& bytes) {
  ByteVector frame(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 3);
  EXPECT_EQ(ZSTD_isError(size), 0U);
  frame.resize(size);
  return frame;
}

TEST(TraceReader, GivesEveryEventWithItsOperands) {
  const Trace trace = read_trace_bytes(sample().bytes());
  EXPECT_EQ(trace.header.program, "prog");
  EXPECT_EQ(trace.header.workload, "work");
  EXPECT_EQ(trace.header.thread_count, 2U);
  EXPECT_EQ(trace.header.object_count, 5U);
  EXPECT_EQ(trace.header.prologue_events, 2U);
  EXPECT_EQ(trace.header.epilogue_events, 3U);
  EXPECT_EQ(trace.header.duration_us, 212U);
  EXPECT_EQ(trace.header.peak_live_bytes, 374U);
  ASSERT_EQ(trace.events.size(), 9U);

  const TraceEvent& aligned = trace.events[2];
  EXPECT_EQ(aligned.op, TraceOp::memalign);
  EXPECT_EQ(aligned.begins, 2U);
  EXPECT_EQ(aligned.size, 24U);
  EXPECT_EQ(aligned.alignment_log2, 6U);
  const TraceEvent& moved = trace.events[3];
  EXPECT_EQ(moved.op, TraceOp::realloc);
  EXPECT_EQ(moved.thread, 1U);
  EXPECT_EQ(moved.ends, 0U);
  EXPECT_EQ(moved.begins, 3U);
  EXPECT_EQ(moved.size, 300U);
  EXPECT_EQ(trace.events[8].op, TraceOp::free);
  EXPECT_EQ(trace.events[8].ends, 4U);
}

TEST(TraceReader, ReadsAFrameAsTheBareTrace) {
  const ByteVector bytes = random_trace(1, 3, 2000, 10000).bytes();
  const Trace bare = read_trace_bytes(bytes);
  const Trace from_frame = read_trace_bytes(packed(bytes));
  ASSERT_EQ(bare.events.size(), from_frame.events.size());
  for (std::size_t i = 0; i < bare.events.size(); ++i) {
    EXPECT_EQ(bare.events[i].begins, from_frame.events[i].begins);
    EXPECT_EQ(bare.events[i].size, from_frame.events[i].size);
  }
}

TEST(TraceReader, ReadsATraceWithoutEvents) {
  EXPECT_TRUE(read_trace_bytes(TraceBuilder("", "").bytes()).events.empty());
}

TEST(TraceReader, TakesEveryWellFormedRandomTrace) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const TraceBuilder trace = random_trace(seed, 1 + seed % 7, 50 * seed, 100000);
    EXPECT_NO_THROW((void)read_trace_bytes(trace.bytes())) << "seed " << seed;
  }
}

TEST(TraceReader, RefusesWhatIsNoTrace) {
  expect_fault({}, "empty", 0);
  expect_fault({'h', 'e', 'l', 'l', 'o'}, "neither a zstd frame nor a bare ATRC trace", 0);
  ByteVector bytes = sample().bytes();
  bytes[2] = 'X';
  expect_fault(bytes, "does not start with ATRC", 2);
  expect_fault(packed(bytes), "does not start with ATRC", 2);
  expect_fault(packed(ByteVector(3, 'A')), "does not start with ATRC", 1);
}

TEST(TraceReader, SaysWhereATruncatedTraceEnds) {
  const ByteVector whole = sample().bytes();
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    expect_fault(part, length < sample().header_length() ? "cut short" : "header, ends within its",
                 length);
  }
}

TEST(TraceReader, SaysWhereATruncatedFrameEnds) {
  const ByteVector whole = packed(random_trace(2, 2, 3000, 5000).bytes());
  for (std::size_t length = 4; length < whole.size(); length += 13) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    expect_fault(part, "the zstd frame is cut short", length);
  }
}

TEST(TraceReader, RefusesADamagedFrameAndWhatFollowsOne) {
  ByteVector bytes = packed(sample().bytes());
  const std::size_t length = bytes.size();
  bytes.push_back(0);
  expect_fault(bytes, "more bytes follow the zstd frame", length);
  bytes.pop_back();
  bytes[4] |= 0x08U;  // a reserved bit of the frame header
  try {
    (void)read_trace_bytes(bytes);
    FAIL() << "a reserved bit was accepted";
  } catch (const TraceError& error) {
    EXPECT_NE(std::string(error.what()).find("damaged zstd frame"), std::string::npos);
    EXPECT_EQ(error.byte_of(), ByteOf::file);
    EXPECT_LE(error.byte(), length);
  }
}

struct HeaderCase {
  std::size_t at;
  unsigned width;
  std::uint64_t value;
  const char* text;
};

// sample(): 92 bytes of header, 9 events of 31 bytes, 5 objects, 2 threads.
TEST(TraceReader, ChecksEveryFieldOfTheHeader) {
  const HeaderCase cases[] = {
      {4, 2, 2, "the version is 2, not 1"},
      {6, 2, 83, "the header's length is 83"},
      {6, 2, 91, "the header's length is 91, its parts take 92"},
      {8, 4, 0, "thread_count is 0, impossible"},
      {8, 4, 10, "thread_count is 10, impossible"},
      {8, 4, 3, "the header says thread_count 3, the events 2"},
      {12, 4, 1, "the field of flags is 1, not 0"},
      {16, 8, 10, "object_count is 10, impossible"},
      {16, 8, 4, "object_count is 4, impossible"},
      {16, 8, 6, "the header says object_count 6, the events 5"},
      {24, 8, 1ULL << 60, "event_count is 1152921504606846976, this program holds at most"},
      {24, 8, 4, "object_count is 5, impossible with 4 events"},
      {32, 8, 6, "prologue_events is 6"},
      {32, 8, UINT64_MAX, "prologue_events is 18446744073709551615"},
      {40, 8, 6, "epilogue_events is 6"},
      {40, 8, UINT64_MAX, "epilogue_events is 18446744073709551615"},
      {48, 8, 375, "the header says peak_live_bytes 375, the events 374"},
      {56, 8, 213, "the header says duration_us 213, the events 212"},
      {64, 8, 26, "payload_bytes is 26, impossible"},
      {64, 8, 361, "payload_bytes is 361, impossible"},
      {64, 8, UINT64_MAX, "payload_bytes is 18446744073709551615, impossible"},
      {72, 4, 1, "the header says payload CRC-32 1"},
      {76, 4, 7, "the reserved field is 7, not 0"},
      {80, 2, 9, "the program's name of 9 bytes reaches past the header's 92"},
  };
  ASSERT_EQ(sample().header_length(), 92U);
  ASSERT_EQ(sample().bytes().size(), 92U + 31U);
  for (const HeaderCase& c : cases) {
    ByteVector bytes = sample().bytes();
    put_fixed(bytes, c.at, c.width, c.value);
    const std::uint64_t at = c.at == 24 && c.value == 4 ? 16 : c.at;
    expect_fault(bytes, c.text, at);
  }
}

TEST(TraceReader, ChecksTheHeadersTexts) {
  const std::string bad[] = {"a\x80",
                             "a\xc0\x80",
                             "a\xe0\x80\x80",
                             "a\xed\xa0\x80",
                             "a\xf0\x80\x80\x80",
                             "a\xf4\x90\x80\x80",
                             "a\xf5\x80\x80\x80",
                             "a\xe2\x82"};
  for (const std::string& text : bad) {
    expect_fault(TraceBuilder(text, "work").bytes(), "not UTF-8", 83);
    expect_fault(TraceBuilder("prog", text).bytes(), "not UTF-8", 89);
  }
  const std::string good = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x9f";
  EXPECT_EQ(read_trace_bytes(TraceBuilder(good, "").bytes()).header.program, good);
}

TEST(TraceReader, RefusesBytesThatNoEventUses) {
  TraceBuilder left = sample();
  const std::uint64_t end = left.next_at();
  left.raw({0, 0});
  expect_fault(left.bytes(), "2 bytes of the payload are left after the last event", end);
  ByteVector behind = sample().bytes();
  behind.push_back(9);
  expect_fault(behind, "more bytes follow the payload", end);
  expect_fault(packed(behind), "more bytes follow the payload", end);
}

TEST(TraceReader, RefusesAnEventThatPassesThePayload) {
  ByteVector bytes = sample().bytes();
  put_fixed(bytes, 64, 8, 30);  // one byte less than it has
  expect_fault(bytes, "event 8: its time lies past the payload of 30 bytes", 92 + 30);
}

// Each: what the last event is, and the fault at `at` bytes from its start.
struct EventCase {
  std::function<void(TraceBuilder&)> add;
  const char* text;
  std::uint64_t at;
};

TEST(TraceReader, ChecksEveryOperandOfAnEvent) {
  const std::uint64_t too_large = (1ULL << 47) + 1;
  const EventCase cases[] = {
      {[](auto& t) { t.event(0, 5, {1}); }, "op 5 is not one of 0 to 4", 0},
      {[](auto& t) { t.event(0, 6, {1}); }, "op 6 is not one of 0 to 4", 0},
      {[](auto& t) { t.event(0, 7, {1}); }, "op 7 is not one of 0 to 4", 0},
      {[](auto& t) { t.malloc(3, 1).malloc(2, 1); }, "thread 3 appears before thread 2", 0},
      {[](auto& t) { t.event(0, 4, {2}); }, "it goes back by 2, past the first of 2 objects", 1},
      {[](auto& t) {
         t.event(0, 3, {7, 1});
       },
       "it goes back by 7, past the first of 2 objects", 1},
      {[](auto& t) { t.event(0, 4, {UINT64_MAX}); }, "it goes back by 18446744073709551615", 1},
      {[](auto& t) { t.free(0, 0).event(0, 4, {1}); }, "object 0 is not live, event 2 ended it", 4},
      {[](auto& t) { t.realloc(0, 1, 8).event(0, 4, {1}); },
       "object 1 is not live, event 2 ended it", 5},
      {[=](auto& t) { t.event(0, 0, {too_large}); }, "its size is 140737488355329", 1},
      {[=](auto& t) { t.malloc(0, too_large - 1); }, "bytes are live, more than", 1},
      {[](auto& t) {
         t.event(0, 2, {47, 8});
       },
       "its alignment is 2^47, more than 2^46", 1},
      {[](auto& t) {
         t.raw({0x80, 0x00, 1, 0}).count_raw_event();
       },
       "its thread and op is not in the shortest form", 0},
      {[](auto& t) {
         t.raw({0, 0x81, 0x80, 0x00, 0}).count_raw_event();
       },
       "its size is not in the shortest form", 1},
      {[](auto& t) {
         t.raw({0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0}).count_raw_event();
       },
       "its size does not fit 64 bits", 1},
      {[](auto& t) {
         t.raw({0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0})
             .count_raw_event();
       },
       "its size does not fit 64 bits", 1},
  };
  for (const EventCase& c : cases) {
    TraceBuilder t;
    t.malloc(0, 10).malloc(1, 20);
    const std::uint64_t start = t.next_at();
    c.add(t);
    // The counts are made possible, so that only the event itself is at fault.
    t.raw(ByteVector(20));
    ByteVector bytes = t.bytes();
    put_fixed(bytes, 16, 8, 3);
    put_fixed(bytes, 24, 8, 5);
    put_fixed(bytes, 8, 4, 4);
    expect_fault(bytes, c.text, start + c.at);
  }
}

TEST(TraceReader, RefusesAThreadThatTheHeaderDoesNotHave) {
  TraceBuilder t;
  t.malloc(0, 1).malloc(1, 1).free(0, 0).free(0, 1);
  ByteVector bytes = t.bytes();
  put_fixed(bytes, 8, 4, 1);
  expect_fault(bytes, "event 1: thread 1 of a trace of 1", t.header_length() + 3);
}

TEST(TraceReader, RefusesMoreObjectsThanTheHeaderHas) {
  TraceBuilder t;
  t.malloc(0, 1).malloc(0, 1).malloc(0, 1).free(0, 2).free(0, 1).free(0, 0);
  ByteVector bytes = t.bytes();
  put_fixed(bytes, 16, 8, 2);
  put_fixed(bytes, 24, 8, 4);  // with which two objects are possible
  expect_fault(bytes, "event 2: one object more than the header's 2", t.header_length() + 6);
}

TEST(TraceReader, RefusesObjectsThatNeverEnd) {
  TraceBuilder t;
  t.malloc(0, 1).malloc(0, 1).malloc(0, 1).realloc(0, 1, 5).free(0, 0);
  ByteVector bytes = t.bytes();
  expect_fault(bytes, "2 objects are live at the end, the first is 2 of event 2", bytes.size());
}

TEST(TraceReader, ChecksWhatPrologueAndEpilogueMayHold) {
  TraceBuilder ends_early;
  ends_early.malloc(0, 1).free(0, 0).malloc(0, 1).end_prologue().free(0, 1);
  ByteVector bytes = ends_early.bytes();
  put_fixed(bytes, 32, 8, 2);
  expect_fault(bytes, "event 1: a free in the prologue", ends_early.header_length() + 3);

  TraceBuilder begins_late;
  begins_late.malloc(0, 1).free(0, 0).begin_epilogue().malloc(0, 1).free(0, 1);
  expect_fault(begins_late.bytes(), "event 2: a malloc in the epilogue",
               begins_late.header_length() + 6);

  TraceBuilder by_another;
  by_another.malloc(0, 1).malloc(1, 1).begin_epilogue().free(1, 0).free(1, 1);
  expect_fault(by_another.bytes(), "in the epilogue thread 1 frees object 0 of thread 0",
               by_another.header_length() + 6);

  TraceBuilder newest_first;
  newest_first.malloc(0, 1).malloc(0, 1).begin_epilogue().free(0, 1).free(0, 0);
  expect_fault(newest_first.bytes(), "the epilogue frees object 0 after a newer one",
               newest_first.header_length() + 10);
}

TEST(TraceReader, LetsTimePassOnlyInTheWindow) {
  TraceBuilder first;
  first.malloc(0, 1, 3).free(0, 0);
  expect_fault(first.bytes(), "event 0: its time is 3 us after the event before",
               first.header_length() + 2);

  TraceBuilder prologue;
  prologue.malloc(0, 1).malloc(0, 1, 9).end_prologue().free(0, 0).free(0, 1);
  expect_fault(prologue.bytes(), "event 1: its time is 9 us", prologue.header_length() + 5);

  TraceBuilder epilogue;
  epilogue.malloc(0, 1).begin_epilogue().free(0, 0, 4);
  expect_fault(epilogue.bytes(), "event 1: its time is 4 us", epilogue.header_length() + 5);

  TraceBuilder long_time;
  long_time.malloc(0, 1).free(0, 0, UINT64_MAX);
  ByteVector bytes = long_time.bytes();
  put_fixed(bytes, 56, 8, 1000);
  expect_fault(bytes, "past the header's duration of 1000", long_time.header_length() + 5);
}

TEST(TraceReader, NamesATraceByItsFile) {
  EXPECT_EQ(trace_name("traces/nginx-proxy.atrc.zst"), "nginx-proxy");
  EXPECT_EQ(trace_name("redis.atrc"), "redis");
  EXPECT_EQ(trace_name("/a.zst/b"), "b");
  EXPECT_EQ(trace_name(".zst"), ".zst");
}

}  // namespace
}  // namespace tarn::tools
