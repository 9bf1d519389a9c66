// SPDX-License-Identifier: Apache-2.0
// All interleavings of pushers, takers and closers of the return queue: the shipped source over
// relacy's atomics.
#include <array>
#include <cstddef>
#include <cstdint>

#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace {

using tarn::model::WatchedLink;
using tarn::model::Weakened;

/// A node whose plain members relacy watches: an access that is not ordered is reported as a race.
struct Node {
  rl::var<Node*> next;
  rl::var<int> payload;
  int taken = 0;      // times, by takers
  bool kept = false;  // by its pusher, after a push failed
};

/// A batch's label is how many nodes it has, and a queue's how many are in it.
struct Counts {
  static constexpr bool kAny = true;
  static constexpr std::uint16_t join(std::uint16_t older, std::uint16_t newer) noexcept {
    return static_cast<std::uint16_t>(older + newer);
  }
};

using Queue = tarn::sync::ReturnQueue<Node, WatchedLink<Node>, Counts>;

/// What all models of the queue do: batches of two nodes, pushed by one thread each.
template <class Self, rl::thread_id_t kThreads, std::size_t kPushers>
struct QueueModel : rl::test_suite<Self, kThreads> {
  Queue queue;
  std::array<std::array<Node, 2>, kPushers> batches;

  /// @returns whether the batch was taken by the queue.
  bool push(std::size_t pusher) {
    auto& [first, last] = batches[pusher];
    first.payload($) = static_cast<int>(10 * pusher);
    last.payload($) = static_cast<int>(10 * pusher + 1);
    first.next($) = &last;
    if (queue.push(&first, &last, 2)) return true;
    // Nothing was pushed: the batch is still this thread's, linked to null.
    RL_ASSERT(static_cast<Node*>(last.next($)) == nullptr);
    first.payload($) = -1;
    first.kept = last.kept = true;
    return false;
  }

  /// Follows a taken list; a batch is in it whole and in its own order.
  static int consume(Node* node) {
    int count = 0;
    while (node != nullptr) {
      ++node->taken;
      ++count;
      RL_ASSERT(static_cast<int>(node->payload($)) % 10 == (count - 1) % 2);
      node = WatchedLink<Node>::next(node);
    }
    RL_ASSERT(count % 2 == 0);
    return count;
  }

  /// Takes what there is: its label is true of it.
  void take() {
    const Queue::Taken taken = queue.take_labelled();
    RL_ASSERT(consume(taken.first) == taken.label);
  }

  /// Every node has been taken once, or has been kept by its pusher.
  void check_nothing_lost() {
    for (auto& batch : batches) {
      for (Node& node : batch) RL_ASSERT(node.taken + (node.kept ? 1 : 0) == 1);
    }
  }
};

/// Two pushers against an owner that takes, then closes.
struct PushTakeClose : QueueModel<PushTakeClose, 3, 2> {
  void thread(unsigned index) {
    if (index < 2) {
      push(index);
      return;
    }
    take();
    consume(queue.close());
    RL_ASSERT(queue.is_closed() && queue.take_all() == nullptr);
    RL_ASSERT(queue.maybe_empty());
  }
  void after() {
    RL_ASSERT(queue.is_closed() && queue.close() == nullptr);
    RL_ASSERT(!push(0));  // a push after close fails
    batches[0][0].kept = batches[0][1].kept = batches[0][0].taken == 0;
    check_nothing_lost();
  }
};

/// The owner takes while another thread (its allocator's end) closes: each batch goes to one.
struct TakeAgainstClose : QueueModel<TakeAgainstClose, 3, 1> {
  void thread(unsigned index) {
    if (index == 0) push(0);
    if (index == 1) take();
    if (index == 2) consume(queue.close());
  }
  void after() {
    RL_ASSERT(queue.is_closed());
    check_nothing_lost();
  }
};

/// A closed queue that is opened for its next owner loses nothing either.
struct CloseAndOpen : QueueModel<CloseAndOpen, 2, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      push(0);
      push(1);
      return;
    }
    consume(queue.close());
    queue.open();
    take();
  }
  void after() {
    consume(queue.close());
    check_nothing_lost();
  }
};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<PushTakeClose>("return queue: push, take, close");
  report.expect_holds<TakeAgainstClose>("return queue: take against close");
  report.expect_holds<CloseAndOpen>("return queue: close and open");
  report.expect_breaks<PushTakeClose>("return queue without release", Weakened::release);
  report.expect_breaks<PushTakeClose>("return queue without acquire", Weakened::acquire);
  return report.exit_code();
}
