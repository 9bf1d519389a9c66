// SPDX-License-Identifier: Apache-2.0
// What a thread has released of other threads' regions and not handed over yet. Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/pool/region_cache.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::pool {

/// Batches of regions on their way home, one for each of a few owners at a time: an owner has one
/// place, by its number, which it shares with others.
///
/// Thread safety: `try_add`: the owner thread. `bytes`, `released`: any thread. The rest: under the
/// ThreadCache's lock, by the owner or after revoking as for a RegionCache.
class Outbox {
 public:
  /// Regions a batch: so many releases share a lock and two compare-exchanges on the owner's line,
  /// and so many of the owner's allocations one slow path. More delay the owner's reuse; half as
  /// many cost a tenth more (docs/adr/0042-regions-return-to-their-owner.md).
  static constexpr std::size_t kMaxRegions = 64;
  /// Owners that a thread can release for in turns without handing over a batch at each turn: one
  /// that passes on what eight workers have made meets all of them. A batch is most of a line.
  static constexpr std::size_t kBatches = RegionCache::kOutboxPlaces;

  /// The regions for one owner, newest release first.
  struct Batch {
    ThreadCache* destination = nullptr;
    const RegionCache* only_home = nullptr;  ///< Of all its regions; null: they have several.
    RegionList list;
    std::uint64_t bytes = 0;
  };

  /// Keeps `region`, whose home is `home`, unless its place is another owner's or there is no room.
  /// @complexity some twenty-five instructions, no call, lock or read-modify-write.
  [[nodiscard]] bool try_add(Region* region, const RegionCache& home) noexcept {
    gate_.enter();
    // [sync: cache-revoke] Acquire: pairs with set_limit's release; a revoked limit is 0. Before
    // the look at the batch, as in RegionCache::pop().
    const std::uint64_t limit = limit_.load_acquire();
    Batch& batch = batches_[home.outbox_place()];
    // A batch that would become full goes to send_slow, which hands it over at once.
    if (bytes_.load() + home.region_size() >= limit || batch.destination != &home.cache() ||
        batch.list.count + 1 >= kMaxRegions) [[unlikely]] {
      gate_.leave();
      return false;
    }
    add(batch, region, home);
    gate_.leave();
    return true;
  }

  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(); }
  /// Regions of a category that were added or count_release()d.
  [[nodiscard]] std::uint64_t released(unsigned category) const noexcept {
    return released_[category].load();
  }

  // --- under the ThreadCache's lock -------------------------------------------------------------

  /// Bytes that all batches together stay below; 0 makes the owner's try_add fail.
  void set_limit(std::uint64_t bytes) noexcept { limit_.store_release(bytes); }
  /// The place of `home`'s owner, which another owner's batch may have.
  [[nodiscard]] Batch& place_of(const RegionCache& home) noexcept {
    return batches_[home.outbox_place()];
  }
  [[nodiscard]] std::array<Batch, kBatches>& batches() noexcept { return batches_; }
  /// Adds without asking for room. @pre the batch is for `home`'s owner.
  void add(Batch& batch, Region* region, const RegionCache& home) noexcept {
    const std::uint64_t size = home.region_size();
    // In front: the region that was added before is not written once more.
    set_next_region(region, batch.list.first);
    if (batch.list.first == nullptr) {
      batch.list.last = region;
      batch.only_home = &home;
    } else if (batch.only_home != &home) {
      batch.only_home = nullptr;
    }
    batch.list.first = region;
    ++batch.list.count;
    batch.bytes += size;
    bytes_.add(size);
    count_release(home);
  }
  /// Counts the release of a region that is not added.
  void count_release(const RegionCache& home) noexcept { released_[home.category()].add(1); }
  [[nodiscard]] bool owner_is_inside() const noexcept { return gate_.is_inside(); }
  /// Empties a batch; it stays its destination's. @returns what was in it.
  [[nodiscard]] RegionList take(Batch& batch) noexcept {
    const RegionList list = batch.list;
    bytes_.subtract(batch.bytes);
    batch.list = {};
    batch.bytes = 0;
    return list;
  }

 private:
  sync::Counter bytes_;  // of all batches
  sync::Atomic<std::uint64_t> limit_{0};
  std::array<sync::Counter, 3> released_;  // by category: tiny, small, normal
  sync::OwnerGate gate_;
  std::array<Batch, kBatches> batches_;
};

}  // namespace tarn::pool
