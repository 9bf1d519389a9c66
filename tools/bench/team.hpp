// SPDX-License-Identifier: Apache-2.0
// Threads that do a lap together. Program tarn.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bench/sampler.hpp"
#include "common/phase_gate.hpp"
#include "common/pinning.hpp"

namespace tarn::tools {

/// Waits for another thread: burns a core for a while, then lets others run.
///
/// Long enough that a thread which runs on another core is never missed; when there is only one
/// core, the other needs this one.
class Waiter {
 public:
  void wait() noexcept {
    if (++rounds_ % kRounds == 0 || core_count() == 1) {
      std::this_thread::yield();
    } else {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }

 private:
  static constexpr std::uint32_t kRounds = 4096;
  std::uint32_t rounds_ = 0;
};

/// A fixed number of threads, each on its core, that do laps of the same work together.
///
/// A Work is made by each thread in that thread from the team's number for it, and destroyed there:
/// work.lap(n) does n operations and returns how many it has done. What it throws ends the process:
/// the others may be waiting for that thread.
///
/// Thread safety: one thread, the conductor, which sleeps during the laps.
template <class Work>
class Team {
 public:
  /// Makes one Work in each of `threads` threads: make(number) returns it.
  template <class Make>
  Team(std::uint32_t threads, Make make) : gate_(threads), laps_(threads) {
    for (std::uint32_t number = 0; number < threads; ++number) {
      crew_.emplace_back([this, number, make] { take_part(number, make); });
    }
    gate_.wait_for_all();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() {
    operations_ = 0;
    gate_.open();
    for (std::thread& thread : crew_) thread.join();
  }

  /// Every thread does n operations. The time is that of one core: threads that share cores share
  /// the time too, so that figures can be compared with those of one thread.
  [[nodiscard]] Lap lap(std::uint64_t n) {
    operations_ = n;
    together_.store(0, std::memory_order_relaxed);  // seen behind the gate
    gate_.open();
    gate_.wait_for_all();
    Clock::time_point start = laps_[0].start;
    Clock::time_point end = laps_[0].end;
    std::uint64_t done = laps_[0].done;
    for (const OwnLap& own : laps_) {
      start = std::min(start, own.start);
      end = std::max(end, own.end);
      done = std::min(done, own.done);
    }
    const std::uint64_t cores = std::min<std::uint64_t>(laps_.size(), core_count());
    return {ns_between(start, end) * cores / laps_.size(), done};
  }

 private:
  struct alignas(64) OwnLap {
    Clock::time_point start;
    Clock::time_point end;
    std::uint64_t done = 0;
  };

  template <class Make>
  void take_part(std::uint32_t number, const Make& make) {
    pin_this_thread(number);
    OwnLap& own = laps_[number];
    Work work = make(number);
    gate_.arrive();
    for (std::uint32_t phase = 1;; ++phase) {
      gate_.wait_for(phase);
      if (operations_ == 0) return;
      start_together();
      own.start = Clock::now();
      own.done = work.lap(operations_);
      own.end = Clock::now();
      gate_.arrive();
    }
  }

  /// With a core for each, none starts while another still wakes up.
  void start_together() noexcept {
    if (laps_.size() > core_count()) return;
    together_.fetch_add(1, std::memory_order_relaxed);
    Waiter waiter;
    // Relaxed: only the moment matters; what the laps share has its own order.
    while (together_.load(std::memory_order_relaxed) < laps_.size()) waiter.wait();
  }

  PhaseGate gate_;
  std::uint64_t operations_ = 1;  // of the lap behind the gate; 0: the end
  std::atomic<std::uint64_t> together_{0};
  std::vector<OwnLap> laps_;
  std::vector<std::thread> crew_;
};

}  // namespace tarn::tools
