// SPDX-License-Identifier: Apache-2.0
// A trace laid out for the replay: every event is there, in order, with all that its calls need.
#include "replay/script.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>

#include "random_trace.hpp"
#include "trace/trace_reader.hpp"

namespace tarn::tools {
namespace {

struct Script {
  explicit Script(const Trace& trace, bool recorded)
      : block(make_script(trace, recorded)), request(request_of(block)) {}

  std::span<const Step> steps() const {
    return block.at<Step>(request.steps_at, request.step_count);
  }
  std::span<const ThreadSteps> threads() const {
    return block.at<ThreadSteps>(request.threads_at, request.thread_count);
  }

  SharedBlock block;
  const ReplayRequest& request;
};

TEST(Step, KeepsEveryFieldAtItsLimits) {
  const Step step(StepOp::release, kMaxTraceBytes, kMaxAlignmentLog2, 0xfffffffe, 0xffffffff);
  EXPECT_EQ(step.op(), StepOp::release);
  EXPECT_EQ(step.size(), kMaxTraceBytes);
  EXPECT_EQ(step.alignment(), std::size_t{1} << kMaxAlignmentLog2);
  EXPECT_EQ(step.place(), 0xfffffffe);
  EXPECT_EQ(step.object(), 0xffffffff);
  EXPECT_EQ(Step(StepOp::allocate, 0, 0, 0, 0).alignment(), 1U);
}

TEST(Script, CarriesSizeAndAlignmentToTheEnd) {
  TraceBuilder t;
  t.memalign(0, 6, 24).malloc(0, 100).realloc(0, 0, 48).free(0, 1).free(0, 2);
  const Script script(read_trace_bytes(t.bytes()), false);
  const auto steps = script.steps();
  ASSERT_EQ(steps.size(), 7U);  // a realloc is two, and one marks the end
  EXPECT_EQ(steps[0].op(), StepOp::allocate_aligned);
  EXPECT_EQ(steps[0].alignment(), 64U);
  EXPECT_EQ(steps[2].op(), StepOp::resize);
  EXPECT_EQ(steps[2].size(), 24U);
  EXPECT_EQ(steps[2].alignment(), 64U);
  EXPECT_EQ(steps[3].op(), StepOp::resized);
  EXPECT_EQ(steps[3].size(), 48U);
  EXPECT_EQ(steps[3].alignment(), 16U) << "realloc keeps no alignment";
  EXPECT_EQ(steps[3].place(), steps[2].place()) << "and the object its cell";
  EXPECT_EQ(steps[4].op(), StepOp::release);
  EXPECT_EQ(steps[4].size(), 100U);
  EXPECT_EQ(steps[5].size(), 48U);
  EXPECT_EQ(steps[5].alignment(), 16U);
  EXPECT_EQ(steps[6].place(), Step::kNoPlace);
}

// Goal: in one thread's script no cell ever holds two objects, and there are no more cells than
// objects live at once.
TEST(Script, NoCellHoldsTwoObjects) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Script script(read_trace_bytes(random_trace(seed, 4, 600, 1000).bytes()), false);
    std::map<std::uint32_t, std::uint32_t> held;  // cell -> object
    std::size_t most = 0;
    for (const Step& step : script.steps()) {
      if (step.place() == Step::kNoPlace) continue;
      ASSERT_LT(step.place(), script.request.cell_count);
      if (step.op() == StepOp::release || step.op() == StepOp::resize) {
        ASSERT_TRUE(held.contains(step.place()));
        ASSERT_EQ(held[step.place()], step.object());
        held.erase(step.place());
      } else {
        ASSERT_TRUE(held.emplace(step.place(), step.object()).second) << "seed " << seed;
        most = std::max(most, held.size());
      }
    }
    EXPECT_TRUE(held.empty());
    EXPECT_EQ(script.request.cell_count, most);
  }
}

TEST(Script, EveryThreadHasItsOwnEventsInTheirOrder) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Trace trace = read_trace_bytes(random_trace(seed, 5, 600, 1000).bytes());
    const Script script(trace, true);
    std::set<std::uint32_t> seen;
    ASSERT_EQ(script.threads().size(), trace.header.thread_count);
    for (std::uint32_t thread = 0; thread < trace.header.thread_count; ++thread) {
      const ThreadSteps& its = script.threads()[thread];
      EXPECT_EQ(script.steps()[its.end].place(), Step::kNoPlace);
      for (std::uint32_t at = its.prologue; at < its.end; ++at) {
        const Step& step = script.steps()[at];
        const std::uint32_t number = step.place();
        ASSERT_LT(number, trace.events.size());
        ASSERT_EQ(trace.events[number].thread, thread);
        if (step.op() != StepOp::resized) {
          ASSERT_TRUE(seen.insert(number).second);
        }
        if (at > its.prologue) {
          ASSERT_LE(script.steps()[at - 1].place(), number);
        }
        const std::uint64_t epilogue = trace.header.event_count - trace.header.epilogue_events;
        ASSERT_EQ(at >= its.window, number >= trace.header.prologue_events);
        ASSERT_EQ(at >= its.epilogue, number >= epilogue);
      }
    }
    EXPECT_EQ(seen.size(), trace.events.size());
    const auto begins = script.block.at<Begin>(script.request.begins_at, trace.header.object_count);
    for (const TraceEvent& event : trace.events) {
      if (!event.begins_object()) continue;
      EXPECT_EQ(begins[event.begins].thread, event.thread);
      EXPECT_EQ(trace.events[begins[event.begins].event].begins, event.begins);
    }
  }
}

}  // namespace
}  // namespace tarn::tools
