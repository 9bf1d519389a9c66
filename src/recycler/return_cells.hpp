// SPDX-License-Identifier: Apache-2.0
// A small queue to an owner that needs nothing of what goes through it. Layer: recycler.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "recycler/cell_array.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::recycler {

/// A ring of words, put in by any thread and taken by one.
///
/// A list through the objects makes whoever puts one write into it, and its taker read it there to
/// find the next: each waits for a cache line of the other's. Here the putter claims a cell by
/// moving `entered_` on and writes the word; the owner takes words until it finds an empty cell.
///
///     entered_  ──────────────> next to be claimed     (putters, compare-exchange)
///     cells     [ 0 | w | w | 0 | w | 0 ]              (0: empty, or claimed and not yet written)
///     left_     ──> next to be taken                   (owner)
///
/// The bound is exact, by the reasoning of BasicBoundedReturns. "Closed" and "narrowed" are bits of
/// `entered_`, so no put can succeed after close(), no put_early() after narrow().
///
/// Thread safety: put, put_early, waiting, entered, left: any thread. The rest: the owner, or
/// whoever keeps it out.
template <class Pause>
class BasicReturnCells {
 public:
  using Word = std::uintptr_t;  // never 0

  /// @param capacity words, a power of two; or 0, and every put finds it full.
  explicit BasicReturnCells(std::size_t capacity) noexcept : capacity_(capacity) {
    TARN_ASSERT(capacity == 0 || std::has_single_bit(capacity));
  }
  ~BasicReturnCells() { free_cells(cells_.load_acquire(), capacity_); }
  BasicReturnCells(const BasicReturnCells&) = delete;
  BasicReturnCells& operator=(const BasicReturnCells&) = delete;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// Puts one in; full also when memory is refused, which is asked for by the first put.
  /// @complexity one compare-exchange, more only under contention.
  [[nodiscard]] PutResult put(Word word) noexcept { return put_unless<kClosed>(word); }
  /// The same until narrow(), and from then on as if they were closed.
  [[nodiscard]] PutResult put_early(Word word) noexcept {
    return put_unless<kClosed | kNarrowed>(word);
  }

  /// Calls f(word) for the oldest, at most `most`, which are then out. @returns how many.
  template <class F>
  std::size_t take(std::size_t most, F f) noexcept {
    // [sync: return-cells] Acquire: the cells as they were made.
    Cell* const cells = cells_.load_acquire();
    if (cells == nullptr) return 0;
    const std::uint64_t from = left_.load_relaxed();
    std::size_t count = 0;
    for (; count != most; ++count) {
      Cell& cell = cells[(from + count) & (capacity_ - 1)];
      // [sync: return-cells] Acquire: as the release in put().
      const Word word = cell.load_acquire();
      if (word == 0) break;
      cell.store_relaxed(0);
      f(word);
    }
    // [sync: return-cells] Release: the cells are empty before others may claim them again.
    if (count != 0) left_.store_release(from + count);
    return count;
  }

  /// Makes every later put fail, and takes all there is, as take(); those that have claimed a cell
  /// are waited for. @pre not closed.
  template <class F>
  std::size_t close(F f) noexcept {
    std::uint64_t entered = entered_.load_relaxed();
    while (!entered_.compare_exchange_weak_relaxed(entered, entered | kClosed)) {
    }
    const auto all = static_cast<std::size_t>(position(entered) - left_.load_relaxed());
    std::size_t count = 0;
    Pause pause;
    while ((count += take(all - count, f)) != all) pause.run();
    return count;
  }

  /// Makes every later put_early() fail, and puts f(word) in the place of each word that is in;
  /// those that have claimed a cell are waited for. What put() puts in meanwhile may stay as it is.
  template <class F>
  void narrow(F f) noexcept {
    std::uint64_t entered = entered_.load_relaxed();
    while (!entered_.compare_exchange_weak_relaxed(entered, entered | kNarrowed)) {
    }
    Pause pause;
    for (std::uint64_t at = left_.load_relaxed(); at != position(entered); ++at) {
      Word word = 0;
      while ((word = word_at(at)) == 0) pause.run();
      // Relaxed: only the owner reads it, and the caller keeps that out.
      cells_.load_relaxed()[at & (capacity_ - 1)].store_relaxed(f(word));
    }
  }

  /// Calls f(word) for each. @pre nobody puts or takes meanwhile.
  template <class F>
  void for_each(F f) const {
    const std::uint64_t end = entered();
    for (std::uint64_t at = left_.load_acquire(); at != end; ++at) f(word_at(at));
  }

  /// Words that are in; stale at once.
  [[nodiscard]] std::size_t waiting() const noexcept {
    // Acquire: `entered_` is read after `left_`, which never passes it.
    const std::uint64_t left = left_.load_acquire();
    return static_cast<std::size_t>(entered() - left);
  }
  /// Words that were ever put in.
  [[nodiscard]] std::uint64_t entered() const noexcept { return position(entered_.load_relaxed()); }
  /// Words that were ever taken; while it stays the same, what is full stays full.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_.load_acquire(); }

 private:
  using Cell = sync::Atomic<Word>;

  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kNarrowed = std::uint64_t{1} << 62;

  [[nodiscard]] static std::uint64_t position(std::uint64_t entered) noexcept {
    return entered & ~(kClosed | kNarrowed);
  }

  template <std::uint64_t kRefusing>
  [[nodiscard]] PutResult put_unless(Word word) noexcept {
    Cell* const cells = made();
    while (true) {
      // Acquire: `left_` is read after it.
      std::uint64_t entered = entered_.load_acquire();
      if ((entered & kRefusing) != 0) [[unlikely]]
        return PutResult::closed;
      const std::uint64_t at = position(entered);
      // [sync: return-cells] Acquire: the owner has emptied what it has left.
      const std::uint64_t left = left_.load_acquire();
      // What has left had entered since: the exchange below fails, and the next look is newer.
      if (left <= at && at - left >= capacity_) return PutResult::full;
      if (cells == nullptr) [[unlikely]]
        return PutResult::full;
      if (!entered_.compare_exchange_weak_relaxed(entered, entered + 1)) continue;
      // By the acquire of `left`; else what is stored now might be emptied afterwards.
      TARN_ASSERT(cells[at & (capacity_ - 1)].load_relaxed() == 0);
      // [sync: return-cells] Release: what was done with the object comes before its taker.
      cells[at & (capacity_ - 1)].store_release(word);
      return PutResult::stored;
    }
  }

  /// What is at a position that is claimed; 0 when it has not come yet, or is not seen yet.
  [[nodiscard]] Word word_at(std::uint64_t at) const noexcept {
    // [sync: return-cells] Acquire: the cells as they were made, and as the release in put().
    const Cell* const cells = cells_.load_acquire();
    return cells == nullptr ? 0 : cells[at & (capacity_ - 1)].load_acquire();
  }

  /// The cells; null when there are none to be, or memory is refused.
  [[nodiscard]] Cell* made() noexcept {
    // [sync: return-cells] Acquire: as in take().
    Cell* known = cells_.load_acquire();
    if (known != nullptr || capacity_ == 0) [[likely]]
      return known;
    Cell* const fresh = allocate_cells<Cell>(capacity_);
    if (fresh == nullptr) return nullptr;
    // [sync: return-cells] Release: the cells are empty before others find them.
    if (cells_.compare_exchange_strong_release(known, fresh)) return fresh;
    free_cells(fresh, capacity_);
    return cells_.load_acquire();
  }

  // Read by all, written once.
  const std::size_t capacity_;
  sync::Atomic<Cell*> cells_{nullptr};
  // Written by whoever puts.
  alignas(64) sync::Atomic<std::uint64_t> entered_{0};
  // Written by the owner.
  alignas(64) sync::Atomic<std::uint64_t> left_{0};
};

}  // namespace tarn::recycler
