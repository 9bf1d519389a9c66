// SPDX-License-Identifier: Apache-2.0
// How many free pages an arena may keep resident, and how fast the others go. Layer: pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tarn/detail/base/units.hpp"

namespace tarn::pool {

/// Says how many bytes of free pages are too many: more than their share of what the pool has in
/// use, and with that more than most of what was in use lately. So a load that swings keeps its
/// pages from one swing to the next, and none comes to hold more than at its peak
/// (docs/adr/0034-free-pages-are-bounded-by-what-is-in-use.md).
///
/// What goes back faults in again when it is taken, so it also bounds how much goes in a time: a
/// load that swings wider than its share can't spend all its time on pages
/// (docs/adr/0045-purging-has-a-budget.md), and mostly only long ranges go
/// (docs/adr/0050-fewer-pages-go-and-come-back.md).
///
/// Thread safety: none; its arena's lock.
class DirtyBound {
 public:
  /// Free pages may be so many bytes, whatever is in use. Less makes pages fault in again that the
  /// next burst would have taken; more keeps memory that the load has left.
  static constexpr std::uint64_t kBytes = 256 * base::kKiB;
  /// Or what is in use shifted by so much: a sixteenth; or by so much, an eighth, up to so many
  /// bytes, which is more while 8 MiB are in use at most: small pools swing more. Without it
  /// haproxy's trace brings in 2.4 times the pages, mosquitto's 1.4 times; with twice the bytes
  /// mosquitto's peak is 1.24 times glibc's, not 1.20.
  static constexpr unsigned kShift = 4;
  static constexpr unsigned kSmallShift = 3;
  static constexpr std::uint64_t kMostOfSmall = 512 * base::kKiB;
  /// Or as many as make up, with what is in use, the most that was in use less this part: a
  /// quarter.
  static constexpr unsigned kMarginShift = 2;
  /// But all that was in use while that was at most so many bytes in an arena: of threads that come
  /// and go one at a time each brought a quarter of its pages in again, a fifth of its life of 600
  /// allocations.
  static constexpr std::uint64_t kKeptWhole = 2 * base::kMiB;
  /// The most that was in use comes down to what is, by half in so many milliseconds: a load that
  /// has gone keeps its memory for seconds, not for minutes.
  static constexpr std::uint64_t kDecayMs = 1000;
  /// So many bytes go back in a millisecond at most. To purge 1 MiB and to take it again costs
  /// 0.2 ms, or 0.7 where page faults are dear: that part of a core's time in the worst case.
  static constexpr std::uint64_t kBytesPerMs = base::kMiB;
  /// And so many at once after a rest: twice what a tick of the coarse clock (4 ms) brings. With
  /// one tick's the peak of postgres's trace was higher in one replay of six, by up to a twelfth of
  /// glibc's.
  static constexpr std::uint64_t kBurst = 8 * base::kMiB;
  /// Fewer than an eighth of the share don't go, from the first of these on up to the second: each
  /// look costs a walk over the chunks, each range a system call. The second is far below what the
  /// budget may hold; above that nothing would ever go.
  static constexpr unsigned kLeastShift = 3;
  static constexpr std::uint64_t kLeast = 64 * base::kKiB;
  static constexpr std::uint64_t kMostOfLeast = base::kMiB;
  /// Only where so many bytes lie together, since each range costs a system call, or a part of one
  /// that gives several back. Half of the ranges that nginx-proxy's trace would give back are of
  /// one page, and have a tenth of the bytes: without them it takes 0.83 of the time, without those
  /// below 32 KiB 0.80, below 64 KiB no less.
  static constexpr std::uint64_t kLeastRange = 32 * base::kKiB;
  /// Shorter ones go at one look in so many milliseconds, so that a load that has left nothing but
  /// gaps loses them too.
  static constexpr std::uint64_t kShortRangesMs = 1000;
  /// When there was no look for so many milliseconds, and too many free pages, somebody else may
  /// look: whose load has gone gives nothing back any more. An arena that is used looks far more
  /// often by itself; five ticks of the coarse clock, and what may go in them is kBurst.
  static constexpr std::uint64_t kOverdueMs = 20;

  explicit DirtyBound(std::uint64_t now_ms) noexcept
      : most_held_since_ms_(now_ms), looked_ms_(now_ms), short_ranges_went_ms_(now_ms) {}

  /// So many bytes are in use now, more than before.
  void note_held(std::uint64_t held) noexcept { most_held_ = std::max(most_held_, held); }
  /// Runs of so many bytes have become free.
  void note_given(std::uint64_t bytes) noexcept { given_since_look_ += bytes; }

  /// Whether it is time to look: `dirty` bytes of free pages are above their share, and a quarter
  /// of that was given back since the last look.
  [[nodiscard]] bool is_due(std::uint64_t held, std::uint64_t dirty) const noexcept {
    const std::uint64_t share = share_of(held);
    return dirty > share && given_since_look_ >= share / 4;
  }

  /// Whether it is long past the time to look, though less was given back.
  [[nodiscard]] bool is_overdue(std::uint64_t held, std::uint64_t dirty,
                                std::uint64_t now_ms) const noexcept {
    return dirty > share_of(held) && now_ms - looked_ms_ >= kOverdueMs;
  }

  /// What has to go.
  struct Excess {
    std::uint64_t bytes = 0;        ///< At most so many, to be spent as far as they do.
    std::uint64_t least_range = 0;  ///< Of free pages that lie together in so many bytes.
  };

  /// Looks. @pre is_due() or is_overdue(). @returns what may go back now; no bytes when the budget
  /// is exhausted, or nothing has to go.
  [[nodiscard]] Excess look(std::uint64_t held, std::uint64_t dirty,
                            std::uint64_t now_ms) noexcept {
    given_since_look_ = 0;
    decay(held, now_ms);
    budget_ = std::min(kBurst, budget_ + (now_ms - looked_ms_) * kBytesPerMs);
    looked_ms_ = now_ms;
    const std::uint64_t most_resident =
        std::max(most_held_ - (most_held_ >> kMarginShift), std::min(most_held_, kKeptWhole));
    if (held + dirty <= most_resident) return {};
    const std::uint64_t share = share_of(held);
    const std::uint64_t excess = std::min({dirty - share, held + dirty - most_resident, budget_});
    if (excess < std::clamp(share >> kLeastShift, kLeast, kMostOfLeast)) return {};
    if (now_ms - short_ranges_went_ms_ < kShortRangesMs) {
      return {.bytes = excess, .least_range = kLeastRange};
    }
    short_ranges_went_ms_ = now_ms;
    return {.bytes = excess};
  }
  /// So many bytes have gone back. @pre at most what look() said.
  void spend(std::uint64_t bytes) noexcept { budget_ -= bytes; }

 private:
  [[nodiscard]] static std::uint64_t share_of(std::uint64_t held) noexcept {
    return std::max({kBytes, std::min(held >> kSmallShift, kMostOfSmall), held >> kShift});
  }

  void decay(std::uint64_t held, std::uint64_t now_ms) noexcept {
    const std::uint64_t halvings =
        std::min<std::uint64_t>((now_ms - most_held_since_ms_) / kDecayMs, 63);
    if (halvings == 0) return;
    most_held_since_ms_ = now_ms;
    most_held_ = held + (most_held_ > held ? (most_held_ - held) >> halvings : 0);
  }

  std::uint64_t most_held_ = 0;  // bytes in use in the pool, lately
  std::uint64_t most_held_since_ms_;
  std::uint64_t given_since_look_ = 0;  // bytes of runs
  std::uint64_t budget_ = kBurst;       // bytes that may go back
  std::uint64_t looked_ms_;             // until then the budget has grown
  std::uint64_t short_ranges_went_ms_;
};

}  // namespace tarn::pool
