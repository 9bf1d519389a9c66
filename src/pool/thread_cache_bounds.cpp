// SPDX-License-Identifier: Apache-2.0
// How a thread's bound in bytes is shared out among its stocks. Layer: pool.
#include <algorithm>
#include <bit>

#include "pool/arena.hpp"
#include "pool/region_list.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/thread_cache.hpp"

namespace tarn::pool {
namespace {

// Bytes that a stock may hold when it first gets a region: so that a class used once in a while
// takes little of the thread's bound, and one in steady use is widened in a few steps.
constexpr std::size_t kFirstGrantBytes = 8 * base::kKiB;
// Region caches with a grant that one widening looks through for unused parts of it: more find
// hardly more, and cost each release that meets a full stock.
constexpr std::size_t kReclaimSteps = 2;

}  // namespace

void ThreadCache::set_grant(RegionCache& cache, std::uint32_t limit) noexcept {
  // Modulo 2^64, so that it may also fall.
  leased_bytes_.add((std::uint64_t{limit} - std::uint64_t{cache.granted()}) *
                    std::uint64_t{cache.region_size()});
  const bool was_granted = cache.granted() != 0;
  cache.grant(limit);
  if (was_granted == (limit != 0)) return;
  const std::size_t index = index_of(cache);
  granted_[index / 64] ^= std::uint64_t{1} << (index % 64);
}

bool ThreadCache::widen(RegionCache& cache, std::uint32_t wanted) noexcept {
  const std::uint32_t granted = cache.granted();
  if (wanted <= granted) return true;
  if (wanted > cache.max_size()) return false;
  const std::size_t size = cache.region_size();
  const auto first =
      static_cast<std::uint32_t>(std::min<std::size_t>(kFirstGrantBytes / size, cache.max_size()));
  const std::uint32_t target = std::min(cache.max_size(), std::max({wanted, first, 2 * granted}));
  const std::uint64_t needed = std::uint64_t{target - granted} * size;
  const std::uint64_t bound = stock_bound_.bytes();
  if (leased_bytes_.load() + needed > bound) {
    reclaim_slack(cache, leased_bytes_.load() + needed - bound);
  }
  const std::uint64_t leased = leased_bytes_.load();
  const std::uint64_t room = bound > leased ? bound - leased : 0;
  const auto affordable =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(target - granted, room / size));
  set_grant(cache, granted + affordable);
  return granted + affordable >= wanted;
}

/// The next cache in turn that has a grant. @pre one has.
inline RegionCache& ThreadCache::next_granted() noexcept {
  std::size_t word = reclaim_cursor_ / 64;
  std::uint64_t bits = granted_[word] & (~std::uint64_t{0} << (reclaim_cursor_ % 64));
  while (bits == 0) {
    word = (word + 1) % granted_.size();
    bits = granted_[word];
  }
  const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
  reclaim_cursor_ = (index + 1) % (granted_.size() * 64);
  return caches()[index];
}

void ThreadCache::reclaim_slack(const RegionCache& beneficiary, std::uint64_t wanted) noexcept {
  std::uint64_t reclaimed = 0;
  for (std::size_t i = 0; i < kReclaimSteps && reclaimed < wanted && leased_bytes_.load() != 0;
       ++i) {
    RegionCache& cache = next_granted();
    // What it has itself it would get back: it would only make its grant look smaller than it is.
    if (&cache == &beneficiary) continue;
    // The smaller half: all would send the next release there back here, class after class, and a
    // class in use keeps the place of the region that it has out.
    const std::uint32_t taken = (cache.granted() - cache.size()) / 2;
    if (taken == 0) continue;
    reclaimed += std::uint64_t{taken} * cache.region_size();
    set_grant(cache, cache.granted() - taken);
  }
}

void ThreadCache::end_window() noexcept {
  std::uint64_t in_use = 0;
  for (const Arena* const arena : arenas_) {
    if (arena != nullptr) in_use += arena->in_use_bytes();
  }
  stock_bound_.end_window(until_trim_, in_use);
  sweep();
}

/// Takes back from every class without a hit since the last sweep the older half of its stock and
/// the rest of its grant, so that other classes can have it.
void ThreadCache::sweep() noexcept {
  RegionList unused;
  for (std::size_t word = 0; word < granted_.size(); ++word) {
    for (std::uint64_t bits = granted_[word]; bits != 0; bits &= bits - 1) {
      RegionCache& cache = caches()[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      if (cache.was_hit_since_sweep()) continue;
      const std::uint32_t kept = cache.size() / 2;
      prepend(cache.shed_oldest(cache.size() - kept), unused);
      set_grant(cache, kept);
    }
  }
  core_.give_to_arenas(unused.first);
}

}  // namespace tarn::pool
