// SPDX-License-Identifier: Apache-2.0
// How often memory of a pool gets huge pages. Layer: pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tarn/detail/sync/atomic.hpp"

namespace tarn::pool {

/// Bounds the time that a pool's threads spend on putting huge pages under chunks: each is a pause
/// of the thread whose allocation meets it (docs/adr/0052-full-chunks-get-huge-pages.md).
///
/// Time spent is paid for by time that passes, kTimes of it. A pool may be in debt by kBurstUs of
/// time spent, so that one that grows for the first time has its huge pages soon.
///
/// Thread safety: any thread; one at a time has the turn.
class CollapsePace {
 public:
  /// So many times what was spent has to pass: 2 % of the time goes there at most.
  static constexpr std::uint64_t kTimes = 50;
  /// So many microseconds may be spent before: 50 to 150 MiB. redis's trace spends 4 ms in its
  /// first 15 ms; with 2 ms it takes 1.00 to 1.06 of glibc's time, with 4 or 8 it takes 0.95.
  static constexpr std::uint64_t kBurstUs = 8000;
  /// A huge page takes 0.1 to 0.6 ms. Where one took longer than this, the host of a virtual
  /// machine had to bring its memory in, or other processors were waited for, and the next one is
  /// likely to take as long.
  static constexpr std::uint64_t kSlowUs = 1000;
  /// So it counts so many times: a thousandth of the time goes there, 5 ms every 5 s.
  static constexpr std::uint64_t kSlowTimes = 20;
  /// No more than this counts: 20 s. What takes longer says nothing of the next one, as the process
  /// was stopped meanwhile; after a minute of that there would be none for 17 hours.
  static constexpr std::uint64_t kLongestUs = 20'000;

  /// Whether the caller may put one huge page now; who may says finish() when it has.
  [[nodiscard]] bool try_start(std::uint64_t now_ms) noexcept {
    // Before the turn, as a hint that spares the exchange.
    if (is_in_debt(now_ms) || is_taken_.load_relaxed()) return false;
    // [sync: collapse-turn] Acquire: what the one before has spent is seen.
    if (is_taken_.exchange_acquire(true)) return false;
    if (!is_in_debt(now_ms)) [[likely]]
      return true;
    give_turn_back();
    return false;
  }
  /// It took so many microseconds. @pre try_start() said so.
  void finish(std::uint64_t now_ms, std::uint64_t took_us) noexcept {
    const std::uint64_t counts = std::min(took_us, kLongestUs);
    const std::uint64_t spent = counts >= kSlowUs ? counts * kSlowTimes : counts;
    // Relaxed: written by who has the turn only, which passes it on.
    paid_at_us_.store_relaxed(std::max(paid_at_us_.load_relaxed(), now_ms * 1000) + spent * kTimes);
    give_turn_back();
  }

 private:
  [[nodiscard]] bool is_in_debt(std::uint64_t now_ms) const noexcept {
    // Relaxed: with the turn it is the last value; without, a hint.
    return paid_at_us_.load_relaxed() > now_ms * 1000 + kBurstUs * kTimes;
  }
  // [sync: collapse-turn] Release: what was spent comes before the next one's look at it.
  void give_turn_back() noexcept { is_taken_.store_release(false); }

  sync::Atomic<std::uint64_t> paid_at_us_{0};  // when all that was spent will be paid for
  sync::Atomic<bool> is_taken_{false};
};

}  // namespace tarn::pool
