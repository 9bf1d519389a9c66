// SPDX-License-Identifier: Apache-2.0
// A bounded queue for any number of threads on both sides. Layer: recycler.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "recycler/cell_array.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::recycler {

/// A ring of cells, each with a turn that says whose it is:
///
///     turn 2n: the n-th put into this cell may come    2n + 1: the n-th take may
///
/// A put claims the cell at `tail_` by moving that on, writes the object, and passes the turn on; a
/// take does the same at `head_`. The bound is exact, though the ring's size is a power of two: a
/// put that reads `tail_`, then `head_`, and finds them the bound apart, knows that it was full.
///
/// "Closed" is a bit of `tail_`, so no put can succeed after close().
///
/// Thread safety: any thread. close: once.
template <class Pause>
class BasicRing {
 public:
  /// @errors std::bad_alloc.
  explicit BasicRing(std::size_t bound)
      : bound_(bound), mask_(std::bit_ceil(bound) - 1), cells_(allocate_cells<Cell>(mask_ + 1)) {
    if (cells_ == nullptr) throw std::bad_alloc();
  }
  ~BasicRing() { free_cells(cells_, mask_ + 1); }
  BasicRing(const BasicRing&) = delete;
  BasicRing& operator=(const BasicRing&) = delete;

  [[nodiscard]] PutResult put(void* object) noexcept {
    while (true) {
      // Acquire: `head_` is read after it.
      std::uint64_t tail = tail_.load_acquire();
      if ((tail & kClosed) != 0) return PutResult::closed;
      const std::uint64_t head = head_.load_acquire();
      if (head > tail) continue;  // both have moved on since
      if (tail - head >= bound_) return PutResult::full;
      Cell& cell = cells_[tail & mask_];
      // [sync: ring-turn] Acquire: the take before has read the object out of the cell.
      if (cell.turn.load_acquire() != 2 * lap(tail)) {
        Pause::run();  // that take is not done yet, or `tail` is old
        continue;
      }
      if (!tail_.compare_exchange_weak_relaxed(tail, tail + 1)) continue;
      cell.object.store_relaxed(object);
      // [sync: ring-turn] Release: what was written into the object comes before its taker.
      cell.turn.store_release(2 * lap(tail) + 1);
      return PutResult::stored;
    }
  }

  /// @returns null when empty, or when the oldest is not quite put yet.
  [[nodiscard]] void* take() noexcept {
    while (true) {
      std::uint64_t head = head_.load_relaxed();
      Cell& cell = cells_[head & mask_];
      // [sync: ring-turn] Acquire: as the release in put().
      const std::uint64_t turn = cell.turn.load_acquire();
      if (turn < 2 * lap(head) + 1) return nullptr;
      // More than that: another take has been here since.
      if (turn == 2 * lap(head) + 1 && head_.compare_exchange_weak_acq_rel(head, head + 1)) {
        void* const object = cell.object.load_relaxed();
        // [sync: ring-turn] Release: the object is read before the next put.
        cell.turn.store_release(2 * lap(head) + 2);
        return object;
      }
    }
  }

  /// Makes every later put fail; those that have claimed a cell are waited for.
  /// @pre nobody takes any more but the caller.
  void close() noexcept {
    std::uint64_t tail = tail_.load_relaxed();
    while (!tail_.compare_exchange_weak_relaxed(tail, tail | kClosed)) {
    }
    for (std::uint64_t at = head_.load_relaxed(); at != tail; ++at) {
      while (cells_[at & mask_].turn.load_acquire() != 2 * lap(at) + 1) Pause::run();
    }
  }

  [[nodiscard]] std::size_t size() const noexcept {
    // Acquire: `tail_` is read after `head_`, which never passes it.
    const std::uint64_t head = head_.load_acquire();
    const std::uint64_t apart = (tail_.load_relaxed() & ~kClosed) - head;
    return static_cast<std::size_t>(apart < bound_ ? apart : bound_);
  }

 private:
  struct Cell {
    sync::Atomic<std::uint64_t> turn{0};
    sync::Atomic<void*> object{nullptr};
  };
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;

  /// How often the ring had been gone round before position `at`.
  [[nodiscard]] std::uint64_t lap(std::uint64_t at) const noexcept {
    return at >> std::bit_width(mask_);
  }

  const std::size_t bound_;
  const std::size_t mask_;
  Cell* const cells_;
  // Positions of the next put and take; only ever move up.
  alignas(64) sync::Atomic<std::uint64_t> tail_{0};
  alignas(64) sync::Atomic<std::uint64_t> head_{0};
};

}  // namespace tarn::recycler
