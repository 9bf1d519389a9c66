// SPDX-License-Identifier: Apache-2.0
// What other threads give back to a pool. Layer: recycler.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "recycler/bounded_returns.hpp"
#include "recycler/return_cells.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/sync/owner_gate.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace tarn::recycler {

using BoundedReturns = BasicBoundedReturns<Slot, sync::NextMember<Slot>>;
using ReturnCells = BasicReturnCells<sync::PatientPause>;

/// What stands in for the queue of a blocking return box.
struct BlockingReturns {
  sync::Mutex mutex{sync::LockRank::cache};
  Slot* list TARN_GUARDED_BY(mutex) = nullptr;
  bool closed TARN_GUARDED_BY(mutex) = false;
};

/// An object in a cell: marked when its state says already that it waits.
class Returned {
 public:
  [[nodiscard]] static ReturnCells::Word word(void* object, bool marked) noexcept {
    return reinterpret_cast<std::uintptr_t>(object) | (marked ? 0U : kUnmarked);
  }
  explicit Returned(ReturnCells::Word word) noexcept : word_(word) {}

  [[nodiscard]] void* object() const noexcept {
    return reinterpret_cast<void*>(word_ & ~kUnmarked);
  }
  [[nodiscard]] bool is_marked() const noexcept { return (word_ & kUnmarked) == 0; }

 private:
  // No object's address is odd: a Slot lies in front of it.
  static constexpr std::uintptr_t kUnmarked = 1;

  ReturnCells::Word word_;
};

/// A pool's return box: a few cells, and behind them a list through the objects, for what comes
/// when the cells are full. Both together hold at most `bound`, with what the owner has taken over
/// from the list, or reserved, and not yet forgotten. Blocking: a list under a mutex, and no cells.
///
/// Thread safety: put, put_unmarked, waiting, entered: any thread. The rest: the owner, or whoever
/// keeps it out.
class ReturnBox {
 public:
  ReturnBox(std::size_t bound, bool blocking)
      : cells_(blocking ? 0 : cells_within(bound)), list_bound_(bound - cells_.capacity()) {
    if (blocking) blocking_.emplace();
  }

  /// Puts one in whose state says that it waits, unless the bound is reached.
  /// @complexity a compare-exchange, or two when the cells are full.
  [[nodiscard]] PutResult put(Slot* slot) noexcept {
    if (blocking_) [[unlikely]]
      return put_blocking(slot);
    while (true) {
      const std::uint64_t left = cells_.left();
      PutResult result = cells_.put(Returned::word(object_of(slot), true));
      if (result != PutResult::full) [[likely]]
        return result;
      result = list_.put(slot, list_bound_);
      if (result != PutResult::full) return result;
      // Full at one moment: when the list was, the cells still were.
      if (cells_.left() == left) return PutResult::full;
    }
  }

  /// The same for an object whose state nobody has looked at. @returns what is not `stored` when it
  /// has to be put marked, if at all.
  [[nodiscard]] PutResult put_unmarked(void* object) noexcept {
    return cells_.put_early(Returned::word(object, false));
  }

  /// Calls f(Returned) for the oldest in cells, at most `most`, which are then out. @returns how
  /// many.
  template <class F>
  std::size_t take_cells(std::size_t most, F f) noexcept {
    return cells_.take(most, [&](ReturnCells::Word word) { f(Returned(word)); });
  }

  /// Makes every later put_unmarked() fail, and calls mark(object) for what is unmarked, which is
  /// marked if that returns true.
  template <class Mark>
  void end_unmarked(Mark mark) noexcept {
    cells_.narrow([&](ReturnCells::Word word) {
      const Returned returned(word);
      const bool marked = returned.is_marked() || mark(returned.object());
      return Returned::word(returned.object(), marked);
    });
  }

  /// All that is in the list, newest first; it stays within the bound until forget().
  [[nodiscard]] Slot* take_list() noexcept {
    if (!blocking_) [[likely]]
      return list_.take_all();
    const sync::LockGuard lock(blocking_->mutex);
    return std::exchange(blocking_->list, nullptr);
  }
  /// As BoundedReturns.
  [[nodiscard]] std::size_t reserve(std::size_t wanted) noexcept {
    return list_.reserve(wanted, list_bound_);
  }
  void forget(std::size_t count) noexcept { list_.forget(count); }

  /// Makes every later put fail. Calls f(Returned) for what is in cells. @returns as take_list().
  template <class F>
  [[nodiscard]] Slot* close(F f) noexcept {
    cells_.close([&](ReturnCells::Word word) { f(Returned(word)); });
    if (!blocking_) return list_.close();
    const sync::LockGuard lock(blocking_->mutex);
    blocking_->closed = true;
    return std::exchange(blocking_->list, nullptr);
  }

  /// Calls in_cell(Returned) and in_list(Slot*) for each.
  /// @pre nobody else uses the box meanwhile.
  template <class InCell, class InList>
  void for_each(InCell in_cell, InList in_list) {
    cells_.for_each([&](ReturnCells::Word word) { in_cell(Returned(word)); });
    if (!blocking_) return list_.for_each(in_list);
    const sync::LockGuard lock(blocking_->mutex);
    for (Slot* slot = blocking_->list; slot != nullptr; slot = slot->next) in_list(slot);
  }

  /// Objects within the bound; stale at once.
  [[nodiscard]] std::size_t waiting() const noexcept { return cells_.waiting() + list_.waiting(); }
  /// Objects that were ever put in or reserved.
  [[nodiscard]] std::uint64_t entered() const noexcept {
    return cells_.entered() + list_.entered();
  }

 private:
  // Words, 1 KiB. One thread gets, another recycles, through a ring of 1024: with 64 cells 0.48 to
  // 0.82 of mimalloc's time, with 128, 256 and 512 0.43 to 0.6 (ADR 0054).
  static constexpr std::size_t kMostCells = 128;

  /// Half of the bound at most, so that there is always a list, and pools of any size use both.
  [[nodiscard]] static std::size_t cells_within(std::size_t bound) noexcept {
    return bound < 2 ? 0 : std::min(kMostCells, std::bit_floor(bound / 2));
  }

  [[nodiscard]] PutResult put_blocking(Slot* slot) noexcept {
    const sync::LockGuard lock(blocking_->mutex);
    if (blocking_->closed) return PutResult::closed;
    if (list_.reserve(1, list_bound_) == 0) return PutResult::full;
    slot->next = blocking_->list;
    blocking_->list = slot;
    return PutResult::stored;
  }

  ReturnCells cells_;
  const std::size_t list_bound_;
  std::optional<BlockingReturns> blocking_;
  // In a line of its own: empty nearly always, so its owner's look at it costs nothing.
  alignas(64) BoundedReturns list_;
};

}  // namespace tarn::recycler
