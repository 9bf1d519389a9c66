// SPDX-License-Identifier: Apache-2.0
// Threads of a replay: none runs ahead of the lead, none waits for ever, waits are kept. For TSan
// too.
#include "replay/pace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "common/phase_gate.hpp"

namespace tarn::tools {
namespace {

/// A random sequence of events, each of one thread.
std::vector<std::uint32_t> random_owners(std::uint32_t seed, std::uint32_t threads,
                                         std::size_t events) {
  std::minstd_rand rng(seed + 1);
  std::vector<std::uint32_t> owners(events);
  std::uint32_t owner = 0;
  for (std::uint32_t& each : owners) {
    if (rng() % 4 == 0) owner = static_cast<std::uint32_t>(rng()) % threads;  // bursts
    each = owner;
  }
  return owners;
}

/// All threads go through their events; some wait for an earlier event of any thread.
class Race {
 public:
  Race(std::vector<std::uint32_t> owners, std::uint32_t threads, std::uint32_t lead)
      : owners_(std::move(owners)), lanes_(threads), done_(owners_.size()), lead_(lead) {}

  void run() {
    std::vector<std::vector<std::uint32_t>> events(lanes_.size());
    for (std::uint32_t i = 0; i < owners_.size(); ++i) events[owners_[i]].push_back(i);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].next.store(events[i].empty() ? Lane::kDone : events[i].front());
    }
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      threads.emplace_back([this, i, its = events[i]] { play(i, its); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::uint64_t early() const { return early_; }
  std::uint64_t broken_waits() const { return broken_waits_; }
  bool all_done() const {
    return std::all_of(done_.begin(), done_.end(), [](const auto& each) { return each.load(); });
  }

 private:
  void play(std::size_t own, const std::vector<std::uint32_t>& events) {
    Pace pace(lanes_, own, lead_);
    std::minstd_rand rng(static_cast<unsigned>(own) + 1);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::uint32_t number = events[i];
      pace.start(number);
      // Everything more than the lead behind must be done now.
      if (number > lead_ && !done_[number - lead_ - 1].load(std::memory_order_relaxed)) ++early_;
      if (number > 0 && rng() % 3 == 0) {
        const auto other = static_cast<std::uint32_t>(rng()) % number;
        pace.wait_for(owners_[other], other);
        if (!done_[other].load(std::memory_order_relaxed)) ++broken_waits_;
      }
      done_[number].store(true, std::memory_order_relaxed);
      pace.done_up_to(i + 1 < events.size() ? events[i + 1] : Lane::kDone);
    }
    pace.before_sleep();
  }

  std::vector<std::uint32_t> owners_;
  std::vector<Lane> lanes_;
  std::vector<std::atomic<bool>> done_;
  std::uint32_t lead_;
  std::atomic<std::uint64_t> early_{0};
  std::atomic<std::uint64_t> broken_waits_{0};
};

TEST(Pace, NobodyRunsAheadAndNobodyWaitsForEver) {
  for (const std::uint32_t threads : {1U, 2U, 5U, 16U}) {
    for (const std::uint32_t lead : {0U, 1U, 2U, 7U, 100U, 1U << 30}) {
      Race race(random_owners(threads + lead, threads, 2000), threads, lead);
      race.run();
      EXPECT_TRUE(race.all_done());
      EXPECT_EQ(race.early(), 0U) << threads << " threads, lead " << lead;
      EXPECT_EQ(race.broken_waits(), 0U) << threads << " threads, lead " << lead;
    }
  }
}

TEST(Pace, WaitingMakesTheOthersWorkVisible) {
  std::vector<Lane> lanes(2);
  std::vector<std::uint64_t> values(20000);
  lanes[0].next.store(0);
  lanes[1].next.store(Lane::kDone);
  std::uint64_t wrong = 0;
  std::thread reader([&] {
    Pace pace(lanes, 1, 1U << 30);
    for (std::uint32_t i = 0; i < values.size(); ++i) {
      pace.wait_for(0, i);
      if (values[i] != i + 1) ++wrong;  // a plain read: TSan sees whether it is ordered
    }
  });
  Pace pace(lanes, 0, 1U << 30);
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    values[i] = i + 1;
    pace.done_up_to(i + 1);
  }
  pace.before_sleep();
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(PhaseGate, KeepsPhasesApart) {
  constexpr std::uint32_t kThreads = 5;
  constexpr std::uint32_t kPhases = 200;
  PhaseGate gate(kThreads);
  std::uint64_t plain = 0;  // the conductor's, between phases
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      gate.arrive();
      for (std::uint32_t phase = 1; phase <= kPhases; ++phase) {
        gate.wait_for(phase);
        if (plain != phase) ++wrong;
        gate.arrive();
      }
    });
  }
  gate.wait_for_all();
  for (std::uint32_t phase = 1; phase <= kPhases; ++phase) {
    plain = phase;
    gate.open();
    gate.wait_for_all();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace tarn::tools
