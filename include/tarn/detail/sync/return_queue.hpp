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

/// A queue whose pushers say nothing about what they push.
struct NoLabels {
  static constexpr bool kAny = false;
  static constexpr std::uint16_t join(std::uint16_t /*older*/, std::uint16_t /*newer*/) noexcept {
    return 0;
  }
};

/// An intrusive stack that many threads push batches to, and that is only ever taken whole.
///
/// With `Labels`, a batch has a label of 16 bits, 0 for none, and the queue the one that
/// `Labels::join` makes of all that is in it: so whoever takes it may know what it has without
/// looking at the nodes, which another processor has just written. The label lies in the head's
/// upper bits, which no address of a user's has on the machines that tarn runs on; checked.
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
template <class Node, class Link = NextMember<Node>, class Labels = NoLabels>
class ReturnQueue {
 public:
  /// All nodes that were in a queue, linked and null-terminated, and their label.
  struct Taken {
    Node* first = nullptr;
    std::uint16_t label = 0;
  };

  constexpr ReturnQueue() noexcept = default;
  ReturnQueue(const ReturnQueue&) = delete;
  ReturnQueue& operator=(const ReturnQueue&) = delete;

  /// Adds the nodes linked from `first` to `last`, in front.
  ///
  /// @returns false when closed: nothing was pushed, and `last` is linked to null again.
  /// @complexity one compare-exchange, more only under contention.
  [[nodiscard]] bool push(Node* first, Node* last, std::uint16_t label = 0) noexcept {
    TARN_ASSERT(first != nullptr && last != nullptr);
    // Relaxed: the value is only compared and stored, never followed.
    Head head = head_.load_relaxed();
    Head pushed{};
    do {
      if (head == closed()) [[unlikely]] {
        Link::set_next(last, nullptr);
        return false;
      }
      Link::set_next(last, node_of(head));
      pushed = labelled(first, head == nullptr ? label : Labels::join(label_of(head), label));
      // [sync: return-queue] Release: our writes to the nodes come before whoever takes them.
      // Earlier pushes stay published: ours is a read-modify-write, so it continues their release.
    } while (!head_.compare_exchange_weak_release(head, pushed));
    return true;
  }

  /// Takes everything, newest batch first, linked and null-terminated; leaves a closed queue
  /// closed.
  ///
  /// @returns null when there is nothing.
  /// @complexity one load when empty, else one compare-exchange.
  [[nodiscard]] Node* take_all() noexcept { return take_labelled().first; }

  /// As take_all(), with the label of all that was in it.
  [[nodiscard]] Taken take_labelled() noexcept {
    Head head = head_.load_relaxed();
    while (head != nullptr && head != closed()) {
      // [sync: return-queue] Acquire: what the pushers wrote into their nodes is seen.
      if (head_.compare_exchange_weak_acquire(head, nullptr)) {
        return {.first = node_of(head), .label = label_of(head)};
      }
    }
    return {};
  }

  /// Makes every later push fail.
  ///
  /// @returns what was in the queue, as take_all(); null when it was closed already.
  [[nodiscard]] Node* close() noexcept {
    // [sync: return-queue] Acquire: as in take_all().
    const Head head = head_.exchange_acquire(closed());
    return head == closed() ? nullptr : node_of(head);
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
    const Head head = head_.load_acquire();
    if (head == closed()) return;
    for (Node* node = node_of(head); node != nullptr; node = Link::next(node)) f(node);
  }

  /// Relaxed, as a hint to those who do not own the queue: only push() can tell for sure.
  [[nodiscard]] bool is_closed() const noexcept { return head_.load_relaxed() == closed(); }

  /// Whether take_all() would find nothing now; stale at once. A closed queue is empty.
  [[nodiscard]] bool maybe_empty() const noexcept {
    const Head head = head_.load_relaxed();
    return head == nullptr || head == closed();
  }

 private:
  // A node's address, with the label in its upper bits; only node_of() of it may be followed.
  using Head = Node*;

  static constexpr unsigned kLabelShift = 48;  // bits of a user's address

  // No node has this address: nodes hold a pointer, so they are aligned to more than one byte.
  static Head closed() noexcept { return reinterpret_cast<Head>(std::uintptr_t{1}); }
  static Head labelled(Node* node, std::uint16_t label) noexcept {
    if constexpr (!Labels::kAny) return node;
    const auto address = reinterpret_cast<std::uintptr_t>(node);
    TARN_CHECK(address >> kLabelShift == 0);
    return reinterpret_cast<Head>(address | std::uintptr_t{label} << kLabelShift);
  }
  static Node* node_of(Head head) noexcept {
    if constexpr (!Labels::kAny) return head;
    constexpr std::uintptr_t kAddress = (std::uintptr_t{1} << kLabelShift) - 1;
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(head) & kAddress);
  }
  static std::uint16_t label_of(Head head) noexcept {
    if constexpr (!Labels::kAny) return 0;
    return static_cast<std::uint16_t>(reinterpret_cast<std::uintptr_t>(head) >> kLabelShift);
  }

  // Written by pushers (release), taken by the owner or a closer (acquire). Stale is fine for a
  // reader: every decision is made by a read-modify-write.
  Atomic<Head> head_{nullptr};
};

}  // namespace tarn::sync
