// SPDX-License-Identifier: Apache-2.0
// A producer that gets and a consumer that recycles, through a ring: the pool must follow what is
// on its way, and neither starve nor grow.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "support.hpp"
#include "support/scale.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

using recycler::test::expect_adds_up;

constexpr std::size_t kRing = 1024;
constexpr std::uint64_t kRequests = 10'000'000;

struct Request {
  std::uint64_t number = 0;
};

/// A ring for one thread on each side.
class Ring {
 public:
  void push(Recycled<Request> request) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    while (tail - head_.load(std::memory_order_acquire) == kRing) std::this_thread::yield();
    places_[tail % kRing] = std::move(request);
    tail_.store(tail + 1, std::memory_order_release);
  }
  [[nodiscard]] Recycled<Request> pop() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    while (tail_.load(std::memory_order_acquire) == head) std::this_thread::yield();
    Recycled<Request> request = std::move(places_[head % kRing]);
    head_.store(head + 1, std::memory_order_release);
    return request;
  }

 private:
  std::array<Recycled<Request>, kRing> places_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

/// Sends `count` requests from a thread that gets to one that recycles.
/// @returns the recycler's numbers afterwards.
RecyclerStats send(std::uint64_t count, const RecyclerOptions& options) {
  Recycler<Request> recycler([] { return Request(); }, options);
  const auto ring = std::make_unique<Ring>();
  std::thread consumer([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      const Recycled<Request> request = ring->pop();
      ASSERT_EQ(request->number, i);
    }
  });
  for (std::uint64_t i = 1; i <= count; ++i) {
    Recycled<Request> request = recycler.get();
    request->number = i;
    ring->push(std::move(request));
  }
  consumer.join();
  recycler.audit();
  return recycler.stats();
}

struct Settings {
  const char* name;
  RecyclerOptions options;
  std::uint64_t requests = kRequests / 8;  // in a build at full speed
};
class RecyclerPipeline : public testing::TestWithParam<Settings> {};

INSTANTIATE_TEST_SUITE_P(
    , RecyclerPipeline,
    testing::Values(Settings{"PerThread", {.ratio = 0}, kRequests},
                    Settings{"Unchecked", {.ratio = 0, .guard = Guard::unchecked}},
                    Settings{"Pinned", {.ratio = 0, .form = RecyclerForm::pinned}},
                    Settings{"SmallPool", {.max_capacity_per_thread = 2 * kRing, .ratio = 0}},
                    Settings{"Shared", {.form = RecyclerForm::shared}}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(RecyclerPipeline, CreatesWhatIsOnItsWayAndNoMore) {
  const RecyclerOptions& options = GetParam().options;
  const std::uint64_t count = test::scaled(GetParam().requests);
  const RecyclerStats stats = send(count, options);
  EXPECT_EQ(stats.created + stats.reused, count);
  EXPECT_LE(stats.created, 3 * kRing + options.max_capacity_per_thread);
  EXPECT_EQ(stats.dropped_full + stats.dropped_closed + stats.dropped_noop, 0U);
  expect_adds_up(stats, 0);
}

// With a ratio of 8 an eighth of what is made is kept, so it takes eight times what is on its way.
TEST(RecyclerPipelineRatio, MakesAsManyAsItTakesToKeepWhatIsOnItsWay) {
  constexpr std::size_t kHands =
      8;  // besides the ring: the two threads', and what is half returned
  const std::uint64_t count = test::scaled(kRequests / 8);
  const RecyclerStats stats = send(count, RecyclerOptions{});
  EXPECT_EQ(stats.created + stats.reused, count);
  EXPECT_LE(stats.created, 8 * (kRing + kHands));
  EXPECT_EQ(stats.dropped_noop, stats.created - (stats.created + 7) / 8);
  expect_adds_up(stats, 0);
}

}  // namespace
}  // namespace tarn
