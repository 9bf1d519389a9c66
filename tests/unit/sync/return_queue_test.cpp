// SPDX-License-Identifier: Apache-2.0
// Tests of the return queue; tests/model/return_queue_model.cpp explores its interleavings.
#include "tarn/detail/sync/return_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace tarn::sync {
namespace {

struct Node {
  Node* next = nullptr;
  int id = 0;
};

using Queue = ReturnQueue<Node>;
static_assert(sizeof(Queue) == sizeof(void*));
static_assert(!std::is_copy_constructible_v<Queue>);

constinit Queue constant_initialised;

std::vector<int> ids(const Node* node) {
  std::vector<int> found;
  for (; node != nullptr; node = node->next) found.push_back(node->id);
  return found;
}

/// Links `nodes` in order.
Node* chain(std::vector<Node>& nodes) {
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) nodes[i].next = &nodes[i + 1];
  return nodes.data();
}

TEST(ReturnQueue, StartsOpenAndEmpty) {
  EXPECT_TRUE(constant_initialised.maybe_empty());
  EXPECT_FALSE(constant_initialised.is_closed());
  EXPECT_EQ(constant_initialised.take_all(), nullptr);
}

TEST(ReturnQueue, GivesBackWholeBatchesNewestFirst) {
  Queue queue;
  std::vector<Node> first{{nullptr, 1}, {nullptr, 2}};
  std::vector<Node> second{{nullptr, 3}};
  ASSERT_TRUE(queue.push(chain(first), &first.back()));
  ASSERT_TRUE(queue.push(chain(second), &second.back()));
  EXPECT_FALSE(queue.maybe_empty());
  EXPECT_EQ(ids(queue.take_all()), (std::vector{3, 1, 2}));
  EXPECT_TRUE(queue.maybe_empty());
  EXPECT_EQ(queue.take_all(), nullptr);
}

TEST(ReturnQueue, CloseReturnsWhatWasIn) {
  Queue queue;
  Node node{nullptr, 1};
  ASSERT_TRUE(queue.push(&node, &node));
  EXPECT_EQ(queue.close(), &node);
  EXPECT_TRUE(queue.is_closed());
  EXPECT_TRUE(queue.maybe_empty());
  EXPECT_EQ(queue.close(), nullptr) << "closed already";
}

TEST(ReturnQueue, RefusesPushesWhenClosed) {
  Queue queue;
  EXPECT_EQ(queue.close(), nullptr);
  std::vector<Node> nodes{{nullptr, 1}, {nullptr, 2}};
  nodes.back().next = &nodes.front();  // whatever it was, it is null after the refusal
  EXPECT_FALSE(queue.push(chain(nodes), &nodes.back()));
  EXPECT_EQ(ids(nodes.data()), (std::vector{1, 2})) << "still the caller's, null-terminated";
}

TEST(ReturnQueue, TakeAllLeavesAClosedQueueClosed) {
  Queue queue;
  EXPECT_EQ(queue.close(), nullptr);
  EXPECT_EQ(queue.take_all(), nullptr);
  EXPECT_TRUE(queue.is_closed());
}

TEST(ReturnQueue, OpensAgain) {
  Queue queue;
  EXPECT_EQ(queue.close(), nullptr);
  queue.open();
  Node node;
  EXPECT_TRUE(queue.push(&node, &node));
  EXPECT_EQ(queue.take_all(), &node);
}

TEST(ReturnQueueDeathTest, OpeningAnOpenQueueIsFatal) {
  Queue queue;
  EXPECT_DEATH(queue.open(), "is_closed");
}

struct OddNode {
  std::uintptr_t link = 0;
};

struct OddLink {
  static OddNode* next(const OddNode* node) { return reinterpret_cast<OddNode*>(node->link); }
  static void set_next(OddNode* node, OddNode* next) {
    node->link = reinterpret_cast<std::uintptr_t>(next);
  }
};

TEST(ReturnQueue, LinksAsItsTraitsSay) {
  ReturnQueue<OddNode, OddLink> queue;
  OddNode a;
  OddNode b;
  ASSERT_TRUE(queue.push(&a, &a));
  ASSERT_TRUE(queue.push(&b, &b));
  EXPECT_EQ(queue.take_all(), &b);
  EXPECT_EQ(OddLink::next(&b), &a);
  EXPECT_EQ(OddLink::next(&a), nullptr);
}

/// The sum of labels, as long as it is no secret: 0.
struct Sums {
  static constexpr bool kAny = true;
  static constexpr std::uint16_t join(std::uint16_t older, std::uint16_t newer) noexcept {
    if (older == 0 || newer == 0) return 0;
    return static_cast<std::uint16_t>(older + newer);
  }
};

class LabelledQueueTest : public testing::Test {
 protected:
  [[nodiscard]] bool push(std::size_t i, std::uint16_t label) {
    return queue_.push(&nodes_.at(i), &nodes_.at(i), label);
  }
  [[nodiscard]] Node* node(std::size_t i) { return &nodes_.at(i); }
  [[nodiscard]] auto& queue() { return queue_; }

 private:
  std::vector<Node> nodes_{4};
  ReturnQueue<Node, NextMember<Node>, Sums> queue_;
};

TEST_F(LabelledQueueTest, JoinsTheLabelsOfItsBatches) {
  ASSERT_TRUE(push(0, 0x8001));
  ASSERT_TRUE(push(1, 2));
  ASSERT_TRUE(push(2, 0x7000));
  EXPECT_FALSE(queue().maybe_empty());
  const auto taken = queue().take_labelled();
  EXPECT_EQ(taken.first, node(2));
  EXPECT_EQ(taken.label, 0xF003);
  EXPECT_EQ(node(2)->next, node(1)) << "no label in the links";
  EXPECT_EQ(node(1)->next, node(0));
  EXPECT_EQ(node(0)->next, nullptr);
}

TEST_F(LabelledQueueTest, BeginsAnewWhenItWasTaken) {
  ASSERT_TRUE(push(0, 7));
  EXPECT_EQ(queue().take_all(), node(0));
  EXPECT_EQ(queue().take_labelled().first, nullptr);
  ASSERT_TRUE(push(1, 1));
  EXPECT_EQ(queue().take_labelled().label, 1U);
}

TEST_F(LabelledQueueTest, ABatchWithoutALabelLeavesNone) {
  ASSERT_TRUE(push(0, 7));
  ASSERT_TRUE(push(1, 0));
  ASSERT_TRUE(push(2, 7));
  int visited = 0;
  queue().for_each([&visited](Node*) { ++visited; });
  EXPECT_EQ(visited, 3);
  const auto taken = queue().take_labelled();
  EXPECT_EQ(taken.label, 0U);
  EXPECT_EQ(taken.first, node(2));
}

TEST_F(LabelledQueueTest, ClosesWithLabelsToo) {
  ASSERT_TRUE(push(0, 7));
  EXPECT_EQ(queue().close(), node(0));
  EXPECT_TRUE(queue().is_closed());
  EXPECT_FALSE(push(1, 7));
  EXPECT_EQ(queue().take_labelled().label, 0U);
  EXPECT_EQ(queue().close(), nullptr);
}

// Random operations of one thread against a deque.
TEST(ReturnQueue, AgreesWithAModel) {
  std::mt19937 random(42);
  Queue queue;
  std::deque<Node> nodes;  // stable addresses
  std::vector<int> model;  // newest first
  bool closed = false;
  int next_id = 0;
  for (int step = 0; step < 5000; ++step) {
    switch (random() % 8) {
      case 0: {
        EXPECT_EQ(ids(queue.take_all()), model);
        model.clear();
        break;
      }
      case 1: {
        EXPECT_EQ(ids(queue.close()), model);
        model.clear();
        closed = true;
        break;
      }
      case 2: {
        if (closed) queue.open();
        closed = false;
        break;
      }
      default: {
        std::vector<int> batch;
        Node* first = nullptr;
        Node* last = nullptr;
        for (auto left = 1 + random() % 3; left > 0; --left) {
          nodes.push_back({first, next_id});
          first = &nodes.back();
          if (last == nullptr) last = first;
          batch.insert(batch.begin(), next_id++);
        }
        EXPECT_EQ(queue.push(first, last), !closed);
        if (!closed) model.insert(model.begin(), batch.begin(), batch.end());
      }
    }
    EXPECT_EQ(queue.is_closed(), closed);
    EXPECT_EQ(queue.maybe_empty(), model.empty());
  }
}

struct StressNode {
  StressNode* next = nullptr;
  unsigned producer = 0;
  unsigned sequence = 0;
  unsigned check = 0;  // a function of the two, so that a torn or lost write shows

  void fill(unsigned by, unsigned number) {
    producer = by;
    sequence = number;
    check = 31 * by + 7 * number;
  }
};

// Producers push batches while the owner takes and, now and then, closes and opens: every node
// comes out once, whole, and in its producer's order within a batch; or its push was refused.
TEST(ReturnQueueStress, LosesAndDoublesNothing) {
  constexpr unsigned kProducers = 3;
  constexpr unsigned kBatches = 2000;
  constexpr unsigned kBatch = 3;
  ReturnQueue<StressNode> queue;
  std::vector<std::vector<StressNode>> nodes(kProducers,
                                             std::vector<StressNode>(kBatches * kBatch));
  std::vector<std::vector<unsigned char>> seen(kProducers,
                                               std::vector<unsigned char>(kBatches * kBatch));
  std::vector<unsigned> refused(kProducers);
  std::atomic<unsigned> running{kProducers};

  std::vector<std::thread> producers;
  for (unsigned p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (unsigned b = 0; b < kBatches; ++b) {
        StressNode* const first = &nodes[p][b * kBatch];
        for (unsigned i = 0; i < kBatch; ++i) {
          first[i].fill(p, b * kBatch + i);
          first[i].next = i + 1 < kBatch ? &first[i + 1] : nullptr;
        }
        if (!queue.push(first, first + kBatch - 1)) refused[p] += kBatch;
      }
      running.fetch_sub(1);
    });
  }
  unsigned taken = 0;
  const auto consume = [&](StressNode* node) {
    while (node != nullptr) {
      StressNode* const next = node->next;
      ASSERT_EQ(node->check, 31 * node->producer + 7 * node->sequence);
      ASSERT_EQ(seen[node->producer][node->sequence]++, 0);
      if (node->sequence % kBatch + 1 < kBatch) {
        ASSERT_EQ(next, node + 1);
      }
      node->check = 0;
      ++taken;
      node = next;
    }
  };
  for (unsigned round = 1; running.load() != 0; ++round) {
    consume(queue.take_all());
    if (round % 16 == 0) {
      consume(queue.close());
      EXPECT_EQ(queue.take_all(), nullptr);
      queue.open();
    }
  }
  for (std::thread& producer : producers) producer.join();
  consume(queue.close());
  unsigned kept = 0;
  for (unsigned p = 0; p < kProducers; ++p) kept += refused[p];
  EXPECT_EQ(taken + kept, kProducers * kBatches * kBatch);
}

// Two threads take from one queue, as an owner and the end of its allocator may.
TEST(ReturnQueueStress, GivesEachNodeToOneOfTwoTakers) {
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    Queue queue;
    Node a{nullptr, 1};
    Node b{nullptr, 2};
    ASSERT_TRUE(queue.push(&a, &a));
    std::atomic<int> taken{0};
    const auto count = [&taken](const Node* node) {
      for (; node != nullptr; node = node->next) taken.fetch_add(node->id);
    };
    int refused = 0;
    std::thread closer([&] { count(queue.close()); });
    count(queue.take_all());
    if (!queue.push(&b, &b)) refused = b.id;
    closer.join();
    count(queue.take_all());
    ASSERT_EQ(taken.load() + refused, 3);
  }
}

}  // namespace
}  // namespace tarn::sync
