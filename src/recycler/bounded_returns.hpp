// SPDX-License-Identifier: Apache-2.0
// A bounded queue of what is given back to an owner. Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace tarn::recycler {

/// A bounded multi-producer queue with a place for more than itself: the bound is for what is in
/// the queue and what its owner has taken over and not yet forgotten.
///
///     put, reserve: ++entered ──> queue ──take_all──> owner's stock ──forget: ++left──>
///
/// `entered - left` objects are within the bound. `entered` moves by compare-exchange, `left` only
/// by the owner, and both only up. So whoever reads `entered`, then `left`, and finds the bound
/// reached, knows that it was reached at that moment; and a compare-exchange that succeeds proves
/// that nobody entered meanwhile: the bound is never exceeded, and nothing is refused below it.
///
/// Thread safety: put, waiting, entered: any thread. The rest: the owner, or whoever keeps it out.
template <class Node, class Link>
class BasicBoundedReturns {
 public:
  /// Puts one in, unless `bound` are within already.
  /// @complexity two compare-exchanges, more only under contention.
  [[nodiscard]] PutResult put(Node* node, std::size_t bound) noexcept {
    if (queue_.is_closed()) [[unlikely]]
      return PutResult::closed;
    if (reserve(1, bound) == 0) return PutResult::full;
    if (queue_.push(node, node)) [[likely]]
      return PutResult::stored;
    take_back();
    return PutResult::closed;
  }

  /// Counts up to `wanted` more as within, which the owner keeps itself. @returns how many.
  [[nodiscard]] std::size_t reserve(std::size_t wanted, std::size_t bound) noexcept {
    while (true) {
      // Acquire: `left` is read after it, see the class. The counts publish nothing else.
      std::uint64_t entered = entered_.load_acquire();
      const std::uint64_t left = left_.load_relaxed();
      // What has left had entered since: the exchange below fails, and the next look is newer.
      const std::uint64_t within = left > entered ? 0 : entered - left;
      if (within >= bound) return 0;
      const std::size_t room = bound - static_cast<std::size_t>(within);
      const std::size_t granted = wanted < room ? wanted : room;
      if (entered_.compare_exchange_weak_relaxed(entered, entered + granted)) return granted;
    }
  }

  /// All that is in the queue, newest first; it stays within the bound until forget().
  [[nodiscard]] Node* take_all() noexcept { return queue_.take_all(); }

  /// `count` of those taken over, or reserved, are not within the bound any more.
  void forget(std::size_t count) noexcept { left_.store_relaxed(left_.load_relaxed() + count); }

  /// Makes every later put fail. @returns as take_all().
  [[nodiscard]] Node* close() noexcept { return queue_.close(); }

  /// As ReturnQueue::for_each(). @pre nobody else uses the queue meanwhile.
  template <class F>
  void for_each(F f) const {
    queue_.for_each(f);
  }

  /// Objects within the bound; stale at once.
  [[nodiscard]] std::size_t waiting() const noexcept {
    // Acquire: `entered` is read after `left`, which never passes it.
    const std::uint64_t left = left_.load_acquire();
    return static_cast<std::size_t>(entered_.load_relaxed() - left);
  }

  /// Objects that were ever put in or reserved.
  [[nodiscard]] std::uint64_t entered() const noexcept { return entered_.load_relaxed(); }

 private:
  /// Undoes reserve(1) when the box turns out to be closed: nobody looks at the bound any more, but
  /// at the count of those that entered.
  void take_back() noexcept { entered_.fetch_sub_relaxed(1); }

  sync::ReturnQueue<Node, Link> queue_;
  // Written by whoever puts; read by all.
  sync::Atomic<std::uint64_t> entered_{0};
  // Written by the owner; read by all.
  sync::Atomic<std::uint64_t> left_{0};
};

}  // namespace tarn::recycler
