// SPDX-License-Identifier: Apache-2.0
// All interleavings at a recycler's return box, with the state word of the objects that come to it:
// the shipped source over relacy's atomics.
#include <array>
#include <cstddef>

#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "recycler/bounded_returns.hpp"
#include "tarn/detail/recycler/slot.hpp"

namespace {

using tarn::model::WatchedLink;
using tarn::model::Weakened;
using tarn::recycler::PutResult;
using tarn::recycler::SlotState;

// Preemptions for models of three threads, whose compare-exchanges may also fail for no reason.
constexpr unsigned kThreeThreads = 2;

/// An object; its plain members relacy watches.
struct Node {
  rl::var<Node*> next;
  rl::var<int> payload;
  SlotState state;
  int places = 0;  // where it is: taken, or kept by its thread after a refusal
};

using Box = tarn::recycler::BasicBoundedReturns<Node, WatchedLink<Node>>;

template <class Self, rl::thread_id_t kThreads, std::size_t kNodes>
struct BoxModel : rl::test_suite<Self, kThreads> {
  Box box;
  std::array<Node, kNodes> nodes;

  PutResult put(std::size_t index, std::size_t bound) {
    Node& node = nodes[index];
    node.payload($) = static_cast<int>(index);
    const PutResult result = box.put(&node, bound);
    if (result != PutResult::stored) {
      node.payload($) = -1;  // still this thread's
      ++node.places;
    }
    return result;
  }

  std::size_t consume(Node* node) {
    std::size_t count = 0;
    while (node != nullptr) {
      Node* const next = WatchedLink<Node>::next(node);
      RL_ASSERT(&nodes[static_cast<std::size_t>(static_cast<int>(node->payload($)))] == node);
      ++node->places;
      ++count;
      node = next;
    }
    return count;
  }

  void check_nothing_lost() {
    for (const Node& node : nodes) RL_ASSERT(node.places == 1);
  }
};

/// Some put, the owner takes over, forgets, and closes.
template <class Self, std::size_t kPutters>
struct CloseModel : BoxModel<Self, kPutters + 1, kPutters> {
  std::size_t stored = 0;

  void thread(unsigned index) {
    Box& its = this->box;
    if (index < kPutters) {
      const PutResult result = this->put(index, kPutters);
      RL_ASSERT(result != PutResult::full);  // never below the bound
      if (result == PutResult::stored) ++stored;
      return;
    }
    const std::size_t taken = this->consume(its.take_all());
    RL_ASSERT(taken <= its.waiting() && its.waiting() <= kPutters);
    its.forget(taken);
    this->consume(its.close());
  }
  void after() {
    RL_ASSERT(this->box.entered() == stored);  // who finds it closed has not entered
    this->check_nothing_lost();
  }
};
struct OnePutter : CloseModel<OnePutter, 1> {};
struct TwoPutters : CloseModel<TwoPutters, 2> {};

/// Two put while the owner reserves two places for itself, where there are two in all.
struct Bound : BoxModel<Bound, 3, 2> {
  int stored = 0;
  std::size_t granted = 0;

  void thread(unsigned index) {
    if (index < 2) {
      if (put(index, 2) == PutResult::stored) ++stored;
      return;
    }
    granted = box.reserve(2, 2);
  }
  void after() {
    RL_ASSERT(static_cast<std::size_t>(stored) + granted == 2);
    RL_ASSERT(box.waiting() == 2);
    consume(box.close());
    check_nothing_lost();
  }
};

/// The owner makes room while another puts: the bound holds whichever comes first.
struct ForgetAgainstPut : BoxModel<ForgetAgainstPut, 2, 2> {
  void before() { RL_ASSERT(put(0, 1) == PutResult::stored); }
  void thread(unsigned index) {
    if (index == 0) {
      box.forget(consume(box.take_all()));
      return;
    }
    RL_ASSERT(put(1, 1) != PutResult::closed);
  }
  void after() {
    RL_ASSERT(box.waiting() <= 1);
    consume(box.close());
    check_nothing_lost();
  }
};

/// Two threads recycle the same object, guarded, while its owner takes over: one succeeds.
struct DoubleRecycle : BoxModel<DoubleRecycle, 3, 1> {
  int succeeded = 0;

  void thread(unsigned index) {
    if (index == 2) {
      consume(box.take_all());  // and leaves it waiting
    } else if (nodes[0].state.recycle_guarded()) {
      ++succeeded;
      RL_ASSERT(put(0, 4) == PutResult::stored);
    }
  }
  void after() {
    RL_ASSERT(succeeded == 1);
    consume(box.close());
    check_nothing_lost();
    RL_ASSERT(nodes[0].state.take() && !nodes[0].state.take());
  }
};

/// The same with one of the two unguarded and in the owner's thread: a race may be missed, but the
/// object comes out of its pool once.
struct MixedRecycle : BoxModel<MixedRecycle, 2, 1> {
  bool put_by_owner = false;
  void thread(unsigned index) {
    if (index == 0) {
      if (nodes[0].state.recycle_guarded()) RL_ASSERT(put(0, 4) == PutResult::stored);
    } else {
      put_by_owner = nodes[0].state.recycle_unguarded();  // to the hot slot: no link is used
    }
  }
  void after() {
    std::size_t waiting = consume(box.close()) + (put_by_owner ? 1 : 0);
    RL_ASSERT(waiting >= 1);
    int handed_out = 0;
    for (; waiting != 0; --waiting) handed_out += nodes[0].state.take() ? 1 : 0;
    RL_ASSERT(handed_out == 1);
  }
};

/// A fault planted into the state word.
struct BothUnguarded : BoxModel<BothUnguarded, 2, 1> {
  int succeeded = 0;
  void thread(unsigned) {
    if (nodes[0].state.recycle_unguarded()) ++succeeded;
  }
  void after() { RL_ASSERT(succeeded == 1); }
};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<OnePutter>("return box: put, take, close");
  report.expect_holds<TwoPutters>("return box: two put, take, close", kThreeThreads);
  report.expect_holds<Bound>("return box: bound", kThreeThreads);
  report.expect_holds<ForgetAgainstPut>("return box: forget against put");
  report.expect_holds<DoubleRecycle>("state: two guarded recycles", kThreeThreads);
  report.expect_holds<MixedRecycle>("state: guarded and unguarded recycle");
  report.expect_breaks<BothUnguarded>("state: two unguarded recycles");
  report.expect_breaks<TwoPutters>("return box without release", Weakened::release);
  report.expect_breaks<TwoPutters>("return box without acquire", Weakened::acquire);
  return report.exit_code();
}
