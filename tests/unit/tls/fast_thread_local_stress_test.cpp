// SPDX-License-Identifier: Apache-2.0
// Stress: ending threads against destructors of instances against for_each_thread. Values check
// themselves; ThreadSanitizer watches.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tls/registry.hpp"

namespace tarn {
namespace {

#if TARN_UNDER_SANITIZER
constexpr int kRounds = 150;
#else
constexpr int kRounds = 1'000;
#endif

/// A value whose parts must agree, from its making to its destruction, exactly once.
class Checked {
 public:
  static inline std::atomic<std::int64_t> living{0};

  Checked() : Checked(0x7a) {}
  explicit Checked(std::uint64_t seed) {
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].store(seed + i);
    ++living;
  }
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;
  ~Checked() {
    EXPECT_TRUE(is_whole());
    for (auto& part : parts_) part.store(0xdead);
    --living;
  }

  /// By the owner, while others may look.
  void use() {
    const std::uint64_t uses = uses_.load() + 1;
    uses_.store(uses);
  }
  [[nodiscard]] bool is_whole() const {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].load() != parts_[0].load() + i) return false;
    }
    return true;
  }

 private:
  std::array<std::atomic<std::uint64_t>, 4> parts_;
  std::atomic<std::uint64_t> uses_{0};
};

// An instance is destroyed as soon as its users have said that they are done, so that they end at
// the same time; each value must be removed once, by either.
TEST(FastThreadLocalStress, ThreadsEndWhileInstancesAreDestroyed) {
  constexpr int kThreads = 4;
  constexpr std::size_t kInstances = 3;
  const std::size_t threads_before = tls::registry().thread_count();
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> removed{0};
    std::array<std::unique_ptr<FastThreadLocal<Checked>>, kInstances> locals;
    for (auto& local : locals) {
      local = std::make_unique<FastThreadLocal<Checked>>([] { return Checked(5); },
                                                         [&removed](Checked& value) {
                                                           EXPECT_TRUE(value.is_whole());
                                                           ++removed;
                                                         });
    }
    std::latch done(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (auto& local : locals) local->get().use();
        done.count_down();
      });
    }
    done.wait();
    for (auto& local : locals) local.reset();
    ASSERT_EQ(removed.load(), kThreads * static_cast<int>(kInstances));
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(Checked::living.load(), 0);
  EXPECT_EQ(tls::registry().thread_count(), threads_before);
  tls::registry().audit();
}

// Threads come, set, remove, replace and go while others visit all values.
TEST(FastThreadLocalStress, ThreadsEndWhileTheirValuesAreVisited) {
  constexpr int kThreads = 4;
  FastThreadLocal<Checked> local;
  FastThreadLocal<std::uint64_t> unrelated;
  std::atomic<int> running{kThreads};
  std::atomic<std::uint64_t> visits{0};

  std::vector<std::thread> churners;
  for (int t = 0; t < kThreads; ++t) {
    churners.emplace_back([&] {
      for (int round = 0; round < kRounds / 4; ++round) {
        std::thread([&] {
          local.get().use();
          unrelated.get() += 1;
          if (round % 3 == 0) local.remove();
          local.get().use();
        }).join();
        local.get().use();
        if (round % 5 == 0) local.remove();
      }
      --running;
    });
  }
  std::vector<std::thread> visitors;
  for (int v = 0; v < 2; ++v) {
    visitors.emplace_back([&] {
      while (running.load() != 0) {
        local.for_each_thread([&](Checked& value) {
          EXPECT_TRUE(value.is_whole());
          unrelated.get() += 1;  // another instance may be used meanwhile
          ++visits;
        });
        std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : churners) thread.join();
  for (std::thread& thread : visitors) thread.join();
  EXPECT_EQ(Checked::living.load(), 0);
  local.get();
  local.for_each_thread([&](Checked&) { ++visits; });
  EXPECT_GE(visits.load(), 1U);
}

// A value replaced by set() while others visit it is destroyed only when they are done with it.
TEST(FastThreadLocalStress, ValuesAreReplacedWhileVisited) {
  struct Plain {  // not atomic: a visitor's read against the destruction would be a race
    explicit Plain(int n) : first(n), second(n) {}
    Plain(Plain&& other) noexcept : first(other.first), second(other.second) {}
    Plain& operator=(Plain&&) = delete;
    Plain(const Plain&) = delete;
    Plain& operator=(const Plain&) = delete;
    ~Plain() { first = -1; }
    int first;
    int second;
  };
  FastThreadLocal<Plain> local([] { return Plain(0); });
  constexpr int kVisits = 100;
  std::atomic<int> visits{0};
  std::thread owner([&] {
    for (int n = 0; visits.load() < kVisits; ++n) {
      local.set(Plain(n));
      if (n % 7 == 0) local.remove();
    }
  });
  while (visits.load() < kVisits) {
    local.for_each_thread([&](const Plain& value) {
      const int first = value.first;
      std::this_thread::yield();  // time for the owner to go on
      ASSERT_EQ(first, value.second);
      ++visits;
    });
  }
  owner.join();
}

// Indices go from instance to instance while threads live on: none sees a value of a former one.
TEST(FastThreadLocalStress, IndicesAreReusedWhileThreadsLive) {
  constexpr int kThreads = 3;
  std::array<std::unique_ptr<FastThreadLocal<int>>, 2> locals;
  for (int round = 0; round < kRounds / 4; ++round) {
    locals[0] = std::make_unique<FastThreadLocal<int>>([round] { return round; });
    std::latch used(kThreads);
    std::latch remade(1);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        EXPECT_EQ(locals[0]->get(), round);
        used.count_down();
        remade.wait();
        EXPECT_FALSE(locals[1]->is_set());
        EXPECT_EQ(locals[1]->get(), -round);
      });
    }
    used.wait();
    locals[0].reset();
    locals[1] = std::make_unique<FastThreadLocal<int>>([round] { return -round; });
    remade.count_down();
    for (std::thread& thread : threads) thread.join();
    locals[1].reset();
  }
}

}  // namespace
}  // namespace tarn
