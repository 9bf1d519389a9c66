// SPDX-License-Identifier: Apache-2.0
// What other threads give back to an owner: a linked stack that is taken whole. Layer: sync.
#pragma once

#include <cstdint>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::sync {

/// How ReturnQueue links nodes that have a member `next`.
template <class Node>
struct NextMember {
  static Node* next(const Node* node) noexcept { return node->next; }
  static void set_next(Node* node, Node* next) noexcept { node->next = next; }
};

/// An intrusive stack that many threads push batches to, and that is only ever taken whole.
///
///                push / take_all
///                 .---------.
///     open(null) <-> open(last batch -> .. -> first batch) --close--> closed --open--> open(null)
///
/// "Closed" is a value of the head itself, so the compare-exchange of a push that lost the race
/// with close() fails, and nothing can be left in a queue that nobody empties any more. Nodes are
/// never taken one by one, so a head that was taken and pushed again in between (ABA) is harmless:
/// no push or take relies on what is linked below the head.
///
/// Thread safety: push, take_all, close, is_closed, maybe_empty: any thread. open: one thread,
/// while no other may open or close. A node in the queue belongs to the queue.
template <class Node, class Link = NextMember<Node>>
class ReturnQueue {
 public:
  constexpr ReturnQueue() noexcept = default;
  ReturnQueue(const ReturnQueue&) = delete;
  ReturnQueue& operator=(const ReturnQueue&) = delete;

  /// Adds the nodes linked from `first` to `last`, in front.
  ///
  /// @returns false when closed: nothing was pushed, and `last` is linked to null again.
  /// @complexity one compare-exchange, more only under contention.
  [[nodiscard]] bool push(Node* first, Node* last) noexcept {
    TARN_ASSERT(first != nullptr && last != nullptr);
    // Relaxed: the value is only compared and stored, never followed.
    Node* head = head_.load_relaxed();
    do {
      if (head == closed()) [[unlikely]] {
        Link::set_next(last, nullptr);
        return false;
      }
      Link::set_next(last, head);
      // [sync: return-queue] Release: our writes to the nodes come before whoever takes them.
      // Earlier pushes stay published: ours is a read-modify-write, so it continues their release.
    } while (!head_.compare_exchange_weak_release(head, first));
    return true;
  }

  /// Takes everything, newest batch first, linked and null-terminated; leaves a closed queue
  /// closed.
  ///
  /// @returns null when there is nothing.
  /// @complexity one load when empty, else one compare-exchange.
  [[nodiscard]] Node* take_all() noexcept {
    Node* head = head_.load_relaxed();
    while (head != nullptr && head != closed()) {
      // [sync: return-queue] Acquire: what the pushers wrote into their nodes is seen.
      if (head_.compare_exchange_weak_acquire(head, nullptr)) return head;
    }
    return nullptr;
  }

  /// Makes every later push fail.
  ///
  /// @returns what was in the queue, as take_all(); null when it was closed already.
  [[nodiscard]] Node* close() noexcept {
    // [sync: return-queue] Acquire: as in take_all().
    Node* const head = head_.exchange_acquire(closed());
    return head == closed() ? nullptr : head;
  }

  /// Lets pushes in again. @pre closed; checked.
  void open() noexcept {
    TARN_CHECK(is_closed());
    // Relaxed: an empty queue publishes nothing; a push that still sees it closed fails, harmless.
    head_.store_relaxed(nullptr);
  }

  /// Calls f(node) for each node in the queue, newest batch first.
  /// @pre nobody else uses the queue meanwhile.
  template <class F>
  void for_each(F f) const {
    // [sync: return-queue] Acquire: as in take_all().
    Node* node = head_.load_acquire();
    if (node == closed()) return;
    for (; node != nullptr; node = Link::next(node)) f(node);
  }

  /// Relaxed, as a hint to those who do not own the queue: only push() can tell for sure.
  [[nodiscard]] bool is_closed() const noexcept { return head_.load_relaxed() == closed(); }

  /// Whether take_all() would find nothing now; stale at once. A closed queue is empty.
  [[nodiscard]] bool maybe_empty() const noexcept {
    const Node* const head = head_.load_relaxed();
    return head == nullptr || head == closed();
  }

 private:
  // No node has this address: nodes hold a pointer, so they are aligned to more than one byte.
  static Node* closed() noexcept { return reinterpret_cast<Node*>(std::uintptr_t{1}); }

  // Written by pushers (release), taken by the owner or a closer (acquire). Stale is fine for a
  // reader: every decision is made by a read-modify-write.
  Atomic<Node*> head_{nullptr};
};

}  // namespace tarn::sync
