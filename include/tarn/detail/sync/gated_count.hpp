// SPDX-License-Identifier: Apache-2.0
// A bounded count behind a gate that is free for its owner, in one word. Layer: sync.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::sync {

/// How many things its owner has, the gate before them, and a countdown of the takes, in one word.
///
/// As an OwnerGate whose owner tests words of its own: `enter` stores the word with its inside bit,
/// then reads a bound; `leave` stores what the word has become. So a turn is two plain stores,
/// where a gate, a count and a countdown apart would be four.
///
///     word    63..16  balance: puts less takes      15..1  countdown      0  inside
///     floor   the least word whose owner may take: (1 - offset) << 16
///     limit   the least word whose owner may not put: (limit - offset) << 16
///
/// Only the owner writes the word, also where it is refused. So whoever has kept it out changes the
/// count by what is added to the balance, the offset, which the bounds have in them. The owner's
/// own slow changes make the offset 0 again, and the balance the count: 48 bits then last for more
/// takes than any thread makes.
///
/// Thread safety: enter_*, leave*, set_countdown: the owner thread, not nested. `count` and
/// `countdown`: any thread. The rest: under one lock, that also keeps the owner out, by the owner
/// from outside, or by anyone while there is no owner; what changes count or limit, by another only
/// after revoke(), the heavy fence, and is_inside() false.
template <class LightFence>
class BasicGatedCount {
 public:
  using Word = std::int64_t;
  static constexpr std::uint32_t kMostCountdown = (1U << 15) - 1;

  /// Enters, if there is something to take. @returns the word to leave with.
  /// @param allowed whether the owner is inside; else it has already left.
  /// @complexity two loads, a store and a compare.
  [[nodiscard]] Word enter_to_take(bool& allowed) noexcept {
    const Word word = enter();
    // [sync: gated-count] Acquire: pairs with restore(); what the revoker did to the data is seen.
    allowed = word >= floor_.load_acquire();
    if (!allowed) [[unlikely]]
      leave(word);
    return word;
  }
  /// Enters, if there is room for one more; as enter_to_take().
  [[nodiscard]] Word enter_to_put(bool& allowed) noexcept {
    const Word word = enter();
    // [sync: gated-count] Acquire: as in enter_to_take().
    allowed = word < limit_.load_acquire();
    if (!allowed) [[unlikely]]
      leave(word);
    return word;
  }
  /// Leaves with one less. @returns whether the countdown is over: then set_countdown() must come
  /// before the next take.
  [[nodiscard]] bool leave_with_one_less(Word word) noexcept {
    word -= kOne | kTick;
    leave(word);
    return countdown_of(word) == 0;
  }
  void leave_with_one_more(Word word) noexcept { leave(word + kOne); }

  /// Takes that are left until leave_with_one_less() says so.
  [[nodiscard]] std::uint32_t countdown() const noexcept {
    // [sync: gated-count-leave] Acquire: what was counted before the countdown was set is seen.
    return countdown_of(word_.load_acquire());
  }
  /// @pre `1 <= takes <= kMostCountdown`; the owner is outside.
  void set_countdown(std::uint32_t takes) noexcept {
    TARN_ASSERT(takes != 0 && takes <= kMostCountdown);
    // [sync: gated-count-leave] Release: whoever reads this word, and not that of the take before,
    // must see what was done then; and countdown() what the caller has counted.
    word_.store_release((word_.load_relaxed() & ~kLow) | Word{takes} * kTick);
  }

  /// The count. Under the lock, and for the owner, exact but for what the owner does meanwhile; for
  /// others also off by what has been changed behind the owner's back, while the owner takes note.
  [[nodiscard]] std::uint32_t count() const noexcept {
    const Word count = balance(word_.load_relaxed()) + offset();
    return static_cast<std::uint32_t>(std::max(count, Word{0}));
  }

  // --- under the lock ---------------------------------------------------------------------------

  void set_count(std::uint32_t count) noexcept {
    // The bounds are relaxed here and in set_limit(): the owner's own, or published by the lock.
    if (floor_.load_relaxed() != kOne) [[unlikely]] {
      if (is_revoked()) return shift_bounds(count);
      limit_.store_relaxed(limit_.load_relaxed() + offset() * kOne);
      floor_.store_relaxed(kOne);
    }
    word_.store_relaxed((word_.load_relaxed() & kLow) | (Word{count} * kOne));
  }
  /// The count up to which the owner may put.
  [[nodiscard]] std::uint32_t limit() const noexcept {
    return static_cast<std::uint32_t>(bound(limit_) + offset());
  }
  void set_limit(std::uint32_t limit) noexcept {
    limit_.store_relaxed((Word{limit} - offset()) * kOne - (is_revoked() ? kRevoked : 0));
  }

  /// Makes the owner's takes and puts fail; it may still be inside until the fence and is_inside().
  void revoke() noexcept {
    TARN_ASSERT(!is_revoked());
    // Relaxed: the asymmetric fence that follows orders them.
    floor_.store_relaxed(floor_.load_relaxed() + kRevoked);
    limit_.store_relaxed(limit_.load_relaxed() - kRevoked);
  }
  /// Lets the owner in again.
  void restore() noexcept {
    TARN_ASSERT(is_revoked());
    // [sync: gated-count] Release: pairs with the acquire in enter_to_take() and enter_to_put().
    floor_.store_release(floor_.load_relaxed() - kRevoked);
    limit_.store_release(limit_.load_relaxed() + kRevoked);
  }
  /// Whether the owner is inside; false is final only after revoking and the heavy fence.
  [[nodiscard]] bool is_inside() const noexcept {
    // [sync: gated-count-leave] Acquire: pairs with leave(); the owner's writes are seen.
    return (word_.load_acquire() & kInside) != 0;
  }

 private:
  static constexpr Word kInside = 1;
  static constexpr Word kTick = 2;
  static constexpr Word kOne = Word{1} << 16;
  static constexpr Word kLow = kOne - 1;  // countdown and inside
  // Added to the floor and taken from the limit, beyond every word: balances stay within 2^45,
  // which at one take a nanosecond is ten hours of takes, while an owner that nobody puts things in
  // for makes a slow change whenever it has none left.
  static constexpr Word kRevoked = Word{1} << 62;

  /// Changes the count by what the bounds have in them.
  void shift_bounds(std::uint32_t count) noexcept {
    const Word shift = (balance(word_.load_relaxed()) + offset() - Word{count}) * kOne;
    floor_.store_relaxed(floor_.load_relaxed() + shift);
    limit_.store_relaxed(limit_.load_relaxed() + shift);
  }

  [[nodiscard]] static Word balance(Word word) noexcept { return word >> 16; }
  [[nodiscard]] static std::uint32_t countdown_of(Word word) noexcept {
    return static_cast<std::uint16_t>(word) / static_cast<std::uint32_t>(kTick);
  }
  [[nodiscard]] bool is_revoked() const noexcept { return floor_.load_relaxed() >= kRevoked / 2; }
  /// The balance in a bound, revoked or not: the lower 62 bits of its word, with their sign.
  [[nodiscard]] static Word bound(const Atomic<Word>& word) noexcept {
    return balance((word.load_relaxed() << 2) >> 2);
  }
  [[nodiscard]] Word offset() const noexcept { return 1 - bound(floor_); }

  [[nodiscard]] Word enter() noexcept {
    const Word word = word_.load_relaxed();
    TARN_ASSERT((word & kInside) == 0);
    // [sync: gated-count-enter] Relaxed: ordered before the load of a bound by the fence pair. The
    // word itself may be read before: nobody else ever writes it.
    word_.store_relaxed(word + kInside);
    LightFence::run();
    return word;
  }
  void leave(Word word) noexcept {
    // [sync: gated-count-leave] Release: what the owner did inside comes before a revoker's entry.
    word_.store_release(word);
  }

  Atomic<Word> word_{kTick};
  // Written under the lock.
  Atomic<Word> floor_{kOne};
  Atomic<Word> limit_{0};
};

using GatedCount = BasicGatedCount<CompilerFence>;

}  // namespace tarn::sync
