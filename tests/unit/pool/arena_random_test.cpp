// SPDX-License-Identifier: Apache-2.0
// Arenas under random work, alone against a model and by several threads at once.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "pool/arena.hpp"
#include "pool/region_list.hpp"
#include "support/own_arena.hpp"
#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

using sizing::Geometry;
using test::OwnArena;

/// Writes a stamp into the first and the last bytes of a region, and knows it again.
void stamp(const Region* region, std::uint64_t value) {
  const std::size_t size = sizing::size_of(sizing::SizeClass::from_index(region->size_class));
  std::memcpy(region->data, &value, sizeof(value));
  std::memcpy(region->data + size - sizeof(value), &value, sizeof(value));
}

[[nodiscard]] bool has_stamp(const Region* region, std::uint64_t value) {
  const std::size_t size = sizing::size_of(sizing::SizeClass::from_index(region->size_class));
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, region->data, sizeof(first));
  std::memcpy(&last, region->data + size - sizeof(last), sizeof(last));
  return first == value && last == value;
}

/// What a test knows of an arena: where its live regions are.
class Model {
 public:
  explicit Model(OwnArena& own) : own_(own) {}

  void take(sizing::SizeClass size_class, const RegionList& list) {
    const std::size_t size = sizing::size_of(size_class);
    std::size_t count = 0;
    for (Region* region = list.first; region != nullptr; region = next_region(region), ++count) {
      const auto after = live_.lower_bound(region->data);
      ASSERT_TRUE(after == live_.end() || region->data + size <= after->first) << "overlap";
      if (after != live_.begin()) {
        ASSERT_LE(end_of(std::prev(after)->second), region->data) << "overlap";
      }
      ASSERT_EQ(region->size_class, size_class.raw());
      live_.emplace(region->data, region);
      stamp(region, ++sequence_);
      stamps_[region] = sequence_;
      bytes_ += size;
    }
    ASSERT_EQ(count, list.count);
  }

  /// Takes up to `count` live regions, neighbours in memory or not, out of the model.
  std::vector<Region*> pick(std::size_t count, test::Random& random) {
    std::vector<Region*> picked;
    while (picked.size() < count && !live_.empty()) {
      auto victim = std::next(live_.begin(), static_cast<long>(random.below(live_.size())));
      Region* const region = victim->second;
      EXPECT_TRUE(has_stamp(region, stamps_[region])) << "somebody wrote into a live region";
      EXPECT_EQ(own_.map.region_at(region->data), region);
      bytes_ -= static_cast<std::size_t>(end_of(region) - region->data);
      live_.erase(victim);
      picked.push_back(region);
    }
    return picked;
  }

  /// Lets a live region grow, if the arena does. Whatever is behind it, nobody else's bytes change.
  void grow(test::Random& random) {
    if (live_.empty()) return;
    auto victim = std::next(live_.begin(), static_cast<long>(random.below(live_.size())));
    // Most are slots, which never grow: mostly look for one that may.
    if (!random.one_in(4)) {
      while (is_slot(victim->second) && victim != std::prev(live_.end())) ++victim;
    }
    Region* const region = victim->second;
    const std::size_t before = size_of(region);
    const std::size_t classes = own_.geometry.class_count();
    if (region->size_class + std::size_t{1} == classes) return;
    const auto to = sizing::SizeClass::from_index(
        random.one_in(2) ? region->size_class + std::size_t{1}
                         : region->size_class + 1 + random.below(classes - 1 - region->size_class));
    const auto next = std::next(victim);
    const std::size_t room = next == live_.end()
                                 ? own_.geometry.chunk_size()
                                 : static_cast<std::size_t>(next->first - region->data);
    const bool grew = own_.arena.try_grow(region, to);
    ASSERT_EQ(victim->first, region->data);
    if (!grew) {
      ASSERT_EQ(size_of(region), before);
      return;
    }
    ++growths_;
    ASSERT_FALSE(is_slot(region));
    ASSERT_EQ(own_.geometry.elements(to), 1U);
    ASSERT_EQ(region->size_class, to.raw());
    ASSERT_LE(size_of(region), room) << "overlap";
    ASSERT_EQ(own_.map.find(end_of(region) - 1), own_.map.find(region->data));
    bytes_ += size_of(region) - before;
    stamp(region, stamps_[region]);
  }

  void check() const {
    own_.arena.audit();
    const ArenaStats stats = own_.arena.stats();
    ASSERT_EQ(own_.arena.live_regions(), live_.size());
    ASSERT_EQ(stats.in_use_bytes, bytes_);
    ASSERT_EQ(stats.in_use_bytes + stats.free_bytes, stats.mapped_bytes);
    ASSERT_EQ(stats.mapped_bytes, own_.payload.mapped_bytes());
    std::size_t listed = 0;
    for (const ChunkListStats& list : stats.chunk_lists) listed += list.chunks;
    ASSERT_LE(listed, stats.chunks);
    ASSERT_LE(stats.chunks, listed + 1) << "more than one empty chunk is kept";
  }
  [[nodiscard]] std::size_t size() const { return live_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t growths() const { return growths_; }

 private:
  static std::size_t size_of(const Region* region) {
    return sizing::size_of(sizing::SizeClass::from_index(region->size_class));
  }
  [[nodiscard]] bool is_slot(const Region* region) const {
    return own_.map.find(region->data)->entry_of(region->data).reciprocal != 0;
  }
  static std::byte* end_of(const Region* region) { return region->data + size_of(region); }

  OwnArena& own_;
  std::map<std::byte*, Region*> live_;
  std::map<const Region*, std::uint64_t> stamps_;
  std::uint64_t sequence_ = 0;
  std::size_t bytes_ = 0;
  std::size_t growths_ = 0;
};

void work(const Geometry& geometry, MemoryKind kind, int steps) {
  test::Random random(static_cast<unsigned>(geometry.page_size() + geometry.max_order()));
  OwnArena own(geometry, kind);
  own.payload.fill();
  own.metadata.fill();
  Model model(own);
  const std::size_t ceiling = 12 * geometry.chunk_size();
  for (int step = 0; step < steps; ++step) {
    const bool draining = step / 150 % 2 == 1 || model.bytes() > ceiling;
    if (random.one_in(40)) own.arena.release_unused();
    if (random.one_in(20)) own.arena.release_idle();
    if (random.one_in(40)) own.payload.refuse_nth(1);
    if (random.one_in(20)) test::fake_now_ms += random.below(2 * Arena::kIdleMs);
    if (draining ? !random.one_in(4) : random.one_in(4)) {
      own.give(model.pick(1 + random.below(random.one_in(3) ? 60 : 4), random));
    } else if (random.one_in(3)) {
      for (std::size_t i = 1 + random.below(24); i > 0; --i) {
        ASSERT_NO_FATAL_FAILURE(model.grow(random));
      }
    } else {
      const auto size_class = sizing::SizeClass::from_index(random.below(geometry.class_count()));
      RegionList list;
      if (random.one_in(8) && geometry.max_order() > 0) {
        const std::size_t alignment = geometry.page_size()
                                      << random.below(geometry.max_order() + 1);
        Region* const region = own.arena.take_aligned(size_class, alignment);
        if (region != nullptr) {
          ASSERT_EQ(reinterpret_cast<std::uintptr_t>(region->data) % alignment, 0U);
          append(list, region);
        }
      } else if (random.one_in(6) && geometry.elements(size_class) == 1) {
        const std::uint64_t mapped = own.arena.chunks_mapped();
        Region* const region = own.arena.take_growable(size_class);
        ASSERT_EQ(own.arena.chunks_mapped(), mapped);
        if (region != nullptr) append(list, region);
      } else {
        const std::size_t count = 1 + random.below(random.one_in(3) ? 60 : 3);
        list = own.arena.take(size_class, count);
        ASSERT_LE(list.count, count);
      }
      ASSERT_NO_FATAL_FAILURE(model.take(size_class, list));
    }
    ASSERT_NO_FATAL_FAILURE(model.check()) << "step " << step;
  }
  EXPECT_GT(model.growths(), 0U) << "the work was too crowded to say anything of growth";
  own.give(model.pick(model.size(), random));
  own.arena.release_unused();
  ASSERT_NO_FATAL_FAILURE(model.check());
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
}

// Goal: regions never overlap, none is lost, statistics add up, chunks go back. Method: random
// takes, aligned takes, takes of what grows, growth, returns, trims, refusals and jumps of the
// clock against a map of live regions, with stamps in the memory itself; everything audited after
// each step.
TEST(ArenaRandom, ChunkOfOnePage) { work(Geometry{4096, 0}, MemoryKind::direct, 1500); }
TEST(ArenaRandom, ChunkOfTwoPages) { work(Geometry{4096, 1}, MemoryKind::heap, 1500); }
TEST(ArenaRandom, ChunkOfFourPages) { work(Geometry{4096, 2}, MemoryKind::direct, 1500); }
TEST(ArenaRandom, ChunkOfSixteenPages) { work(Geometry{4096, 4}, MemoryKind::heap, 1500); }
TEST(ArenaRandom, PagesOf64KiB) { work(Geometry{65536, 2}, MemoryKind::direct, 1500); }
TEST(ArenaRandom, TheDefaultGeometry) { work(Geometry{}, MemoryKind::direct, 1000); }

// Goal: one arena serves threads that give back what others have taken. Method: each thread stamps
// what it takes, lets some of it grow, and puts it into a shared box, from where any thread checks
// and gives it.
TEST(ArenaRandom, FourThreadsShareAnArena) {
  OwnArena own(Geometry{4096, 3});
  constexpr unsigned kThreads = 4;
  constexpr int kRounds = 400;
  struct Entry {
    Region* region;
    std::uint64_t value;
  };
  std::atomic<int> growths{0};
  std::mutex box_lock;
  std::vector<Entry> box;
  const auto give = [&](const std::vector<Entry>& entries) {
    RegionList list;
    for (const Entry& entry : entries) {
      ASSERT_TRUE(has_stamp(entry.region, entry.value));
      ASSERT_EQ(own.map.region_at(entry.region->data), entry.region);
      append(list, entry.region);
    }
    own.arena.give(list.first);
  };
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      test::Random random(id);
      std::uint64_t sequence = std::uint64_t{id} << 32;
      for (int round = 0; round < kRounds; ++round) {
        std::vector<Entry> mine;
        const auto size_class =
            sizing::SizeClass::from_index(random.below(own.geometry.class_count()));
        const RegionList list = own.arena.take(size_class, 1 + random.below(20));
        for (Region* region = list.first; region != nullptr; region = next_region(region)) {
          stamp(region, ++sequence);
          mine.push_back({region, sequence});
        }
        for (const Entry& entry : mine) {
          const auto above = std::size_t{entry.region->size_class} + 1 + random.below(3);
          if (above >= own.geometry.class_count()) continue;
          if (!own.arena.try_grow(entry.region, sizing::SizeClass::from_index(above))) continue;
          stamp(entry.region, entry.value);
          growths.fetch_add(1, std::memory_order_relaxed);  // read when all have ended
        }
        {
          const std::lock_guard guard(box_lock);
          box.insert(box.end(), mine.begin(), mine.end());
          mine.clear();
          while (box.size() > 100 || (!box.empty() && random.one_in(2))) {
            std::swap(box[random.below(box.size())], box.back());
            mine.push_back(box.back());
            box.pop_back();
          }
        }
        give(mine);
        if (random.one_in(50)) own.arena.release_unused();
        if (random.one_in(20)) own.arena.release_idle();
        if (random.one_in(50)) test::fake_now_ms += Arena::kIdleMs;
        const ArenaStats stats = own.arena.stats();
        ASSERT_EQ(stats.in_use_bytes + stats.free_bytes, stats.mapped_bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  own.arena.audit();
  EXPECT_GT(growths.load(std::memory_order_relaxed), 10);
  EXPECT_EQ(own.arena.live_regions(), box.size());
  give(box);
  own.arena.release_unused();
  own.arena.audit();
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
}

// Goal: who sees no live region may destroy the arena, while the thread that gave the last one is
// on its way out of give(), chunks unmapped and all. Method: one thread gives, another destroys as
// soon as it sees 0; ThreadSanitizer and AddressSanitizer find a late use.
TEST(ArenaRandom, WhoSeesNoLiveRegionMayDestroyTheArena) {
  for (int round = 0; round < 30; ++round) {
    auto own = std::make_unique<OwnArena>(Geometry{4096, 1});
    RegionList list;
    for (Region* const region : own->take(8192, 4)) append(list, region);
    Arena& arena = own->arena;
    std::thread giver([&arena, first = list.first] { arena.give(first); });
    while (own->arena.live_regions() != 0) std::this_thread::yield();
    own.reset();
    giver.join();
  }
}

}  // namespace
}  // namespace tarn::pool
