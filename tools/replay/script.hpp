// SPDX-License-Identifier: Apache-2.0
// A trace in the form that is replayed: what parent and child share. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "common/shared_block.hpp"
#include "trace/trace.hpp"

namespace tarn::tools {

enum class StepOp : std::uint8_t {
  allocate,
  allocate_zeroed,
  allocate_aligned,
  resize,  // the object as it was; the step behind it, `resized`, is what it becomes
  resized,
  release,
};

/// What a thread does next: 16 bytes, so that the replay reads a quarter of a cache line an event.
///
/// Everything that the calls need is in it, the size and alignment of what is released too.
class Step {
 public:
  /// The end of a thread's steps.
  static constexpr std::uint32_t kNoPlace = std::numeric_limits<std::uint32_t>::max();

  constexpr Step() noexcept = default;
  constexpr Step(StepOp op, std::uint64_t size, unsigned alignment_log2, std::uint32_t place,
                 std::uint32_t object) noexcept
      : word_(size | std::uint64_t{static_cast<std::uint8_t>(op)} << kOpShift |
              std::uint64_t{alignment_log2} << kAlignmentShift),
        place_(place),
        object_(object) {}

  [[nodiscard]] constexpr StepOp op() const noexcept {
    return static_cast<StepOp>((word_ >> kOpShift) & 0xffU);
  }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return word_ & kSizeMask; }
  [[nodiscard]] constexpr std::size_t alignment() const noexcept {
    return std::size_t{1} << (word_ >> kAlignmentShift);
  }
  /// One thread: the cell of the object, which later ones use again. Several: the event's number.
  [[nodiscard]] constexpr std::uint32_t place() const noexcept { return place_; }
  [[nodiscard]] constexpr std::uint32_t object() const noexcept { return object_; }

 private:
  static constexpr unsigned kOpShift = 48;
  static constexpr unsigned kAlignmentShift = 56;
  static constexpr std::uint64_t kSizeMask = (std::uint64_t{1} << kOpShift) - 1;
  static_assert(kMaxTraceBytes <= kSizeMask && kMaxAlignmentLog2 < 64);

  std::uint64_t word_ = 0;
  std::uint32_t place_ = kNoPlace;
  std::uint32_t object_ = 0;
};

static_assert(sizeof(Step) == 16);

/// Which event of which thread began an object: what a thread waits for that wants to end it.
struct Begin {
  std::uint32_t thread;
  std::uint32_t event;
};

/// Where a thread's steps are: its part of prologue, window and epilogue, one behind the other.
struct ThreadSteps {
  std::uint32_t prologue;
  std::uint32_t window;
  std::uint32_t epilogue;
  std::uint32_t end;  // the step there has no place
};

enum class ReplayMode : std::uint8_t { buffer, memory };
enum class ReplayKind : std::uint8_t { heap, direct };

/// What a child is to do. At the start of its block, the ReplayResult behind it.
struct alignas(64) ReplayRequest {
  ReplayMode mode;
  ReplayKind kind;
  bool recorded_threads;  // else one thread, in the file's order
  bool measured;          // samples memory, so its time means nothing
  bool tarn;              // else the process's malloc
  std::uint32_t lead;     // events
  std::uint32_t thread_count;
  std::uint32_t cell_count;
  std::uint32_t object_count;
  std::uint64_t step_count;
  std::uint64_t threads_at;  // ThreadSteps[thread_count]
  std::uint64_t steps_at;    // Step[step_count]
  std::uint64_t begins_at;   // Begin[object_count], with recorded threads
  char preload[512];         // the file that malloc must come from; empty: no matter
};

/// How a replay went; zero until it has ended.
struct alignas(64) ReplayResult {
  enum class End : std::uint32_t { none, done, refused };

  End end;
  std::uint32_t first_bad_object;  // with stamp errors
  std::uint64_t window_ns;
  std::uint64_t stamp_errors;
  std::uint64_t peak_live_bytes;      // measured: requested bytes
  std::uint64_t peak_resident_bytes;  // measured: above the start
  std::uint64_t resident_after_trim_bytes;
  std::uint64_t cache_hits;  // tarn: of the window
  std::uint64_t cache_misses;
  char fault[512];  // refused: what; done: an invariant of tarn's that does not hold after trim_all
};

inline constexpr std::string_view kReplayWork = "replay";

/// The bytes that a script takes and that a replay of it needs for its cells.
[[nodiscard]] std::uint64_t script_bytes(const Trace& trace, bool recorded_threads);

/// Lays a trace out for the replay; of the request only what describes the layout is set.
///
/// @errors RunError when there is no memory for it.
[[nodiscard]] SharedBlock make_script(const Trace& trace, bool recorded_threads);

[[nodiscard]] inline ReplayRequest& request_of(const SharedBlock& block) {
  return block.at<ReplayRequest>(0, 1)[0];
}
[[nodiscard]] inline ReplayResult& result_of(const SharedBlock& block) {
  return block.at<ReplayResult>(sizeof(ReplayRequest), 1)[0];
}

static_assert(sizeof(ReplayRequest) % alignof(ReplayResult) == 0);

}  // namespace tarn::tools
