// SPDX-License-Identifier: Apache-2.0
// What passes between thread caches: regions that another thread than their owner releases.
// Layer: pool.
#include <algorithm>

#include "pool/region_list.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/thread_cache.hpp"

namespace tarn::pool {
namespace {

// Bytes of other threads' regions that one thread may hold back for its batches.
constexpr std::uint64_t kOutboxBytes = 256 * base::kKiB;

}  // namespace

std::uint64_t ThreadCache::outbox_limit() const noexcept {
  return std::min(kOutboxBytes, core_.options().max_pending_bytes_per_thread / 4);
}

// --- from this thread to others ------------------------------------------------------------------

void ThreadCache::send_slow(Region* region, const RegionCache& home) noexcept {
  {
    const sync::OwnerLockGuard guard(lock_);
    if (owner_ != nullptr) {
      // Under the lock: a batch in nobody's hands would escape the statistics.
      Outbox::Batch& batch = outbox.place_of(home);
      if (batch.destination != &home.cache()) {
        hand_over(batch);
        batch.destination = &home.cache();
      }
      const std::uint64_t size = home.region_size();
      if (outbox.bytes() + size >= outbox_limit()) hand_over_all();
      if (size < outbox_limit()) {
        outbox.add(batch, region, home);
        if (batch.list.count >= Outbox::kMaxRegions) hand_over(batch);
        return;
      }
      outbox.count_release(home);
      set_next_region(region, nullptr);
      if (!home.cache().accept_returned({region, region, 1}, size, &home)) {
        core_.give_to_arenas(region);
      }
      return;
    }
  }
  // Closed while we waited: the core may end with this region, so no lock of it is held.
  core_.release_uncached(region);
}

void ThreadCache::hand_over(Outbox::Batch& batch) noexcept {
  const std::uint64_t bytes = batch.bytes;
  const RegionList list = outbox.take(batch);
  if (list.first != nullptr && !batch.destination->accept_returned(list, bytes, batch.only_home)) {
    core_.give_to_arenas(list.first);
  }
}

void ThreadCache::hand_over_all() noexcept {
  for (Outbox::Batch& batch : outbox.batches()) hand_over(batch);
}

// --- from others to this one ---------------------------------------------------------------------

bool ThreadCache::accept_returned(const RegionList& list, std::uint64_t bytes,
                                  const RegionCache* only_home) noexcept {
  const std::uint64_t ceiling = core_.options().max_pending_bytes_per_thread - outbox_limit();
  // Reserved before it is pushed, and never above the ceiling, not for a moment. Above it this is a
  // load only, so that those who release for a thread that sleeps don't fight for the line.
  std::uint64_t before = queued_bytes_.load_relaxed();
  do {
    if (bytes > ceiling || before > ceiling - bytes) return false;
  } while (!queued_bytes_.compare_exchange_weak_relaxed(before, before + bytes));
  const std::uint16_t label =
      only_home == nullptr ? std::uint16_t{0} : OfOneStock::of(index_of(*only_home), list.count);
  if (returned_.push(list.first, list.last, label)) return true;
  queued_bytes_.fetch_sub_relaxed(bytes);
  return false;
}

void ThreadCache::take_over_returned() noexcept {
  const auto [first, label] = returned_.take_labelled();
  if (take_over_whole(first, label)) return;
  std::uint64_t bytes = 0;
  Region* to_arenas = nullptr;
  for (Region* rest = first; rest != nullptr;) {
    RegionCache& home = region_cache(rest->memory_kind, rest->size_class);
    RegionList like = cut_like_ones(rest);
    bytes += like.count * home.region_size();
    const std::uint32_t room = make_room(home, like.count);
    if (room < like.count) {
      stock_bound_.note_no_room(static_cast<std::uint32_t>(like.count) - room);
      move_past(like, room, to_arenas);
    }
    home.add(like);
  }
  queued_bytes_.fetch_sub_relaxed(bytes);
  core_.give_to_arenas(to_arenas);
}

/// The usual case, of which no region need be looked at: all are of one stock, which is empty.
bool ThreadCache::take_over_whole(Region* first, std::uint16_t label) noexcept {
  if (label == 0) return false;
  RegionCache& home = caches()[OfOneStock::stock(label)];
  const std::size_t regions = OfOneStock::regions(label);
  if (home.size() != 0 || make_room(home, regions) < regions) return false;
  home.fill(first, static_cast<std::uint32_t>(regions));
  queued_bytes_.fetch_sub_relaxed(regions * home.region_size());
  return true;
}

/// @returns how many more regions a stock may hold, after widening it for so many if need be.
std::uint32_t ThreadCache::make_room(RegionCache& home, std::size_t regions) noexcept {
  const auto wanted =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(home.size() + regions, home.max_size()));
  if (wanted > home.granted()) static_cast<void>(widen(home, wanted));
  return home.granted() - home.size();
}

}  // namespace tarn::pool
