// SPDX-License-Identifier: Apache-2.0
// Keeps the threads of a replay together. Program tarn.
#include "replay/pace.hpp"

#include <sched.h>

#include <algorithm>

namespace tarn::tools {

namespace {

// Looks before the first yield: about a microsecond, what an event of another thread's that is
// running on another core takes. More would burn a core that this thread may be sharing with it.
constexpr int kSpins = 64;
// Yields before sleeping: a runnable thread that this one waits for gets the core. Sleeping at once
// costs it a system call to wake this one.
constexpr int kYields = 4;

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Pace::wake(Lane& lane) noexcept {
  lane.wanted.store(Lane::kNobody, std::memory_order_relaxed);
  // Release: whoever sees the new number sees `next`, and a `wanted` that it may set again.
  lane.wakes.fetch_add(1, std::memory_order_release);
  lane.wakes.notify_all();
}

void Pace::before_sleep() noexcept {
  // Sequentially consistent, as in sleep_until_passed: of "I am here" and "is anybody waiting"
  // here, "I wait" and "where are you" there, one side sees the other.
  const std::uint32_t next =
      own_.next.exchange(own_.next.load(std::memory_order_relaxed), std::memory_order_seq_cst);
  if (next > own_.wanted.load(std::memory_order_seq_cst)) wake(own_);
}

void Pace::wait_for(std::size_t thread, std::uint32_t number) noexcept {
  Lane& lane = lanes_[thread];
  for (int i = 0; i < kSpins; ++i) {
    if (has_passed(lane, number)) return;
    relax();
  }
  for (int i = 0; i < kYields; ++i) {
    if (has_passed(lane, number)) return;
    ::sched_yield();
  }
  before_sleep();
  while (!has_passed(lane, number)) sleep_until_passed(lane, number);
}

void Pace::sleep_until_passed(Lane& lane, std::uint32_t number) noexcept {
  const std::uint32_t wakes = lane.wakes.load(std::memory_order_acquire);  // pairs with wake()
  std::uint32_t wanted = lane.wanted.load(std::memory_order_relaxed);
  // At least one read-modify-write, even if an earlier event is wanted already: the total order
  // with before_sleep needs it.
  while (!lane.wanted.compare_exchange_weak(wanted, std::min(wanted, number),
                                            std::memory_order_seq_cst)) {
  }
  if (lane.next.load(std::memory_order_seq_cst) > number) return;
  // Returns at once when the owner has woken sleepers since `wakes` was read.
  lane.wakes.wait(wakes, std::memory_order_acquire);
}

void Pace::wait_for_horizon(std::uint32_t number) noexcept {
  for (;;) {
    std::size_t slowest = 0;
    std::uint32_t earliest = Lane::kDone;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const std::uint32_t next = lanes_[i].next.load(std::memory_order_acquire);
      if (next < earliest) {
        earliest = next;
        slowest = i;
      }
    }
    horizon_ = earliest > Lane::kDone - lead_ ? Lane::kDone : earliest + lead_;
    if (number <= horizon_) return;
    // Until the slowest has caught up half of the lead: fewer switches than one for each event.
    wait_for(slowest, number - lead_ / 2 - 1);
  }
}

}  // namespace tarn::tools
