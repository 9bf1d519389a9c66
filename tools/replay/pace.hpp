// SPDX-License-Identifier: Apache-2.0
// Keeps the threads of a replay together: how far each is, and waiting for another. Program tarn.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace tarn::tools {

/// How far one thread is. A cache line of its own: its thread writes it with every event.
///
/// `next` is the number of the thread's first event that is not done. Others wait until it passes
/// the event that they need; they leave that number in `wanted`, and the owner, which looks there
/// after each event, wakes them through `wakes`.
struct alignas(64) Lane {
  static constexpr std::uint32_t kDone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

  std::atomic<std::uint32_t> next{0};
  std::atomic<std::uint32_t> wanted{kNobody};  // the lowest event that somebody sleeps for
  std::atomic<std::uint32_t> wakes{0};
};

/// One thread's view of the pace: no event is begun more than `lead` ahead of the earliest one not
/// done, over all threads.
///
/// Nobody waits for ever: whoever waits does so for a thread that is at an earlier event than
/// itself, and the thread at the earliest event of all never waits.
/// Thread safety: one object a thread, over the same lanes.
class Pace {
 public:
  Pace(std::span<Lane> lanes, std::size_t own, std::uint32_t lead) noexcept
      : lanes_(lanes), own_(lanes[own]), lead_(lead) {}

  /// Returns when event `number`, the thread's next, may begin.
  void start(std::uint32_t number) noexcept {
    if (number > horizon_) [[unlikely]]
      wait_for_horizon(number);
  }

  /// The thread's next event is `next`, kDone after the last.
  void done_up_to(std::uint32_t next) noexcept {
    // Release: pairs with the acquire in has_passed; what the event did is visible behind it.
    own_.next.store(next, std::memory_order_release);
    // Relaxed: a request that this misses is seen after the next event, or in before_sleep.
    if (next > own_.wanted.load(std::memory_order_relaxed)) [[unlikely]]
      wake(own_);
  }

  /// Returns when event `number` of thread `thread` is done.
  void wait_for(std::size_t thread, std::uint32_t number) noexcept;

  /// To be called before the thread goes to sleep, by whatever means, or ends.
  void before_sleep() noexcept;

 private:
  static bool has_passed(const Lane& lane, std::uint32_t number) noexcept {
    return lane.next.load(std::memory_order_acquire) > number;
  }
  static void wake(Lane& lane) noexcept;
  void wait_for_horizon(std::uint32_t number) noexcept;
  void sleep_until_passed(Lane& lane, std::uint32_t number) noexcept;

  std::span<Lane> lanes_;
  Lane& own_;
  std::uint32_t lead_;
  std::uint32_t horizon_ = 0;  // the highest event known to be allowed
};

}  // namespace tarn::tools
