// SPDX-License-Identifier: Apache-2.0
// A trace in the form that is replayed. Program tarn.
#include "replay/script.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace tarn::tools {

namespace {

constexpr unsigned kMallocAlignmentLog2 = 4;  // what malloc promises on every 64-bit system

constexpr std::uint64_t header_bytes() { return sizeof(ReplayRequest) + sizeof(ReplayResult); }
static_assert(header_bytes() % 16 == 0);

std::uint64_t realloc_count(const Trace& trace) {
  // Every event begins an object or is a free, and there are as many ends as begins.
  return trace.header.object_count * 2 - trace.header.event_count;
}

StepOp begin_op(TraceOp op) {
  if (op == TraceOp::calloc) return StepOp::allocate_zeroed;
  if (op == TraceOp::memalign) return StepOp::allocate_aligned;
  return op == TraceOp::realloc ? StepOp::resized : StepOp::allocate;
}

/// Gives out the numbers of cells, those used last first.
class Cells {
 public:
  std::uint32_t take() {
    if (free_.empty()) return count_++;
    const std::uint32_t cell = free_.back();
    free_.pop_back();
    return cell;
  }
  void give(std::uint32_t cell) { free_.push_back(cell); }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  std::vector<std::uint32_t> free_;
  std::uint32_t count_ = 0;
};

/// Turns events into steps, in the file's order.
class Translator {
 public:
  Translator(const Trace& trace, bool recorded_threads)
      : objects_(trace.header.object_count), recorded_threads_(recorded_threads) {}

  /// Calls emit(step) once, or twice for a realloc.
  template <class Emit>
  void translate(const TraceEvent& event, std::uint32_t number, Emit emit) {
    std::uint32_t freed_cell = Step::kNoPlace;
    if (event.ends_object()) {
      const Object& old = objects_[event.ends];
      freed_cell = old.cell;
      emit(Step(event.op == TraceOp::free ? StepOp::release : StepOp::resize, old.size,
                old.alignment_log2, recorded_threads_ ? number : old.cell, event.ends));
    }
    if (!event.begins_object()) {
      if (!recorded_threads_) cells_.give(freed_cell);
      return;
    }
    Object& object = objects_[event.begins];
    object.size = event.size;
    object.alignment_log2 =
        event.op == TraceOp::memalign ? event.alignment_log2 : std::uint8_t{kMallocAlignmentLog2};
    // A resized object stays in its cell.
    if (!recorded_threads_) object.cell = event.ends_object() ? freed_cell : cells_.take();
    emit(Step(begin_op(event.op), object.size, object.alignment_log2,
              recorded_threads_ ? number : object.cell, event.begins));
  }

  [[nodiscard]] std::uint32_t cell_count() const noexcept {
    return recorded_threads_ ? static_cast<std::uint32_t>(objects_.size()) : cells_.count();
  }

 private:
  struct Object {
    std::uint64_t size = 0;
    std::uint32_t cell = Step::kNoPlace;
    std::uint8_t alignment_log2 = 0;
  };

  std::vector<Object> objects_;
  Cells cells_;
  bool recorded_threads_;
};

/// How many steps each thread has in prologue, window and epilogue.
std::vector<std::array<std::uint32_t, 3>> count_steps(const Trace& trace, bool recorded_threads,
                                                      std::size_t threads) {
  std::vector<std::array<std::uint32_t, 3>> counts(threads);
  const std::uint64_t epilogue = trace.header.event_count - trace.header.epilogue_events;
  for (std::uint64_t i = 0; i < trace.events.size(); ++i) {
    const TraceEvent& event = trace.events[i];
    const std::size_t phase = i < trace.header.prologue_events ? 0 : i < epilogue ? 1 : 2;
    counts[recorded_threads ? event.thread : 0][phase] += event.op == TraceOp::realloc ? 2 : 1;
  }
  return counts;
}

void lay_out_threads(const Trace& trace, bool recorded_threads, std::span<ThreadSteps> threads) {
  const auto counts = count_steps(trace, recorded_threads, threads.size());
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].prologue = at;
    threads[i].window = threads[i].prologue + counts[i][0];
    threads[i].epilogue = threads[i].window + counts[i][1];
    threads[i].end = threads[i].epilogue + counts[i][2];
    at = threads[i].end + 1;
  }
}

/// The layout of a script's block.
ReplayRequest lay_out(const Trace& trace, bool recorded_threads) {
  ReplayRequest request{};
  request.recorded_threads = recorded_threads;
  // A trace without events has no threads; one then does nothing.
  request.thread_count = recorded_threads ? std::max(trace.header.thread_count, 1U) : 1;
  request.object_count = static_cast<std::uint32_t>(trace.header.object_count);
  request.step_count = trace.header.event_count + realloc_count(trace) + request.thread_count;
  request.threads_at = header_bytes();
  request.steps_at = request.threads_at + request.thread_count * sizeof(ThreadSteps);
  request.begins_at = request.steps_at + request.step_count * sizeof(Step);
  return request;
}

std::uint64_t block_bytes(const ReplayRequest& request) {
  return request.begins_at +
         (request.recorded_threads ? request.object_count * sizeof(Begin) : std::uint64_t{0});
}

}  // namespace

std::uint64_t script_bytes(const Trace& trace, bool recorded_threads) {
  return block_bytes(lay_out(trace, recorded_threads));
}

SharedBlock make_script(const Trace& trace, bool recorded_threads) {
  const ReplayRequest layout = lay_out(trace, recorded_threads);
  SharedBlock block = SharedBlock::create(block_bytes(layout));
  const auto threads = block.at<ThreadSteps>(layout.threads_at, layout.thread_count);
  const auto steps = block.at<Step>(layout.steps_at, layout.step_count);
  const auto begins = block.at<Begin>(layout.begins_at, recorded_threads ? layout.object_count : 0);
  lay_out_threads(trace, recorded_threads, threads);
  std::vector<std::uint32_t> next;
  for (const ThreadSteps& thread : threads) {
    next.push_back(thread.prologue);
    steps[thread.end] = Step();
  }

  Translator translator(trace, recorded_threads);
  for (std::uint32_t number = 0; number < trace.events.size(); ++number) {
    const TraceEvent& event = trace.events[number];
    std::uint32_t& at = next[recorded_threads ? event.thread : 0];
    translator.translate(event, number, [&](const Step& step) { steps[at++] = step; });
    if (recorded_threads && event.begins_object()) begins[event.begins] = {event.thread, number};
  }
  request_of(block) = layout;
  request_of(block).cell_count = translator.cell_count();
  return block;
}

}  // namespace tarn::tools
