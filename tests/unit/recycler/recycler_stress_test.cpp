// SPDX-License-Identifier: Apache-2.0
// Recyclers under many threads at once, for ThreadSanitizer and for the payloads' own word. Goal:
// no object is ever with two holders, and none is lost, while threads begin and end, visitors trim
// and count, and the recycler ends with objects out. Small pools and chunks, so that every queue
// overflows and runs empty all the time.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support.hpp"
#include "support/scale.hpp"
#include "tarn/log.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

using recycler::test::expect_adds_up;

/// Words that fit each other while somebody has the object, and are zero while nobody does.
struct Message {
  using Handle = Recycler<Message>::Handle;
  explicit Message(Handle its_handle) noexcept : handle(its_handle) { ++live; }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { --live; }

  void take(std::uint64_t number) {
    for (const std::uint64_t word : words) EXPECT_EQ(word, 0U) << "somebody else has it";
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = number * (i + 1);
  }
  void let_go() {
    const std::uint64_t number = words[0];
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_EQ(words[i], number * (i + 1)) << "somebody else has written to it";
      words[i] = 0;
    }
  }

  Handle handle;
  std::array<std::uint64_t, 4> words{};

  inline static std::atomic<int> live{0};
};

/// How objects come back: by all ways there are, by recycle(T&) and their holder's end, or only by
/// the latter; without handles in the last two.
enum class Ways { all, references, holders };

struct Settings {
  const char* name;
  RecyclerOptions options;
  Ways ways = Ways::all;
};

std::unique_ptr<Recycler<Message>> without_handles(const RecyclerOptions& options) {
  return std::make_unique<Recycler<Message>>([] { return Message(Message::Handle()); }, options);
}

class RecyclerStress : public testing::TestWithParam<Settings> {
 protected:
  [[nodiscard]] static bool is_pinned() { return GetParam().options.form == RecyclerForm::pinned; }
  [[nodiscard]] static std::unique_ptr<Recycler<Message>> make() {
    const RecyclerOptions& options = GetParam().options;
    if (GetParam().ways == Ways::all) {
      return std::make_unique<Recycler<Message>>(
          [](Message::Handle handle) { return Message(handle); }, options);
    }
    return without_handles(options);
  }
};

using Form = RecyclerForm;

constexpr std::array kChecked = {
    Settings{"PerThread", {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4}},
    Settings{"Blocking", {.max_capacity_per_thread = 12, .ratio = 0, .blocking = true}},
    Settings{"NoBatch",
             {.max_capacity_per_thread = 12, .ratio = 0, .batch_fast_threads_only = true}},
    Settings{"Pinned",
             {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4, .form = Form::pinned}},
    Settings{"Shared", {.max_capacity_per_thread = 12, .form = Form::shared}},
    Settings{"SharedBlocking",
             {.max_capacity_per_thread = 12, .blocking = true, .form = Form::shared}},
};
constexpr std::array kOthers = {
    Settings{"Ratio", {.max_capacity_per_thread = 64, .ratio = 2, .chunk_size = 8}},
    Settings{"References",
             {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4},
             Ways::references},
    Settings{
        "Holders", {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4}, Ways::holders},
    Settings{"HoldersPinned",
             {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4, .form = Form::pinned},
             Ways::holders},
    Settings{"HoldersNoBatch",
             {.max_capacity_per_thread = 12, .ratio = 0, .batch_fast_threads_only = true},
             Ways::holders},
    Settings{"HoldersUnchecked",
             {.max_capacity_per_thread = 12, .ratio = 0, .guard = Guard::unchecked},
             Ways::holders},
    Settings{"Unchecked", {.max_capacity_per_thread = 12, .ratio = 0, .guard = Guard::unchecked}},
    Settings{"PinnedUnchecked",
             {.max_capacity_per_thread = 12,
              .ratio = 0,
              .guard = Guard::unchecked,
              .form = Form::pinned}},
    Settings{"SharedUnchecked",
             {.max_capacity_per_thread = 12, .guard = Guard::unchecked, .form = Form::shared}},
};

/// Recyclers that look for misuse, and pool every object.
class RecyclerDuel : public RecyclerStress {};

constexpr auto kNameOf = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Checked, RecyclerStress, testing::ValuesIn(kChecked), kNameOf);
INSTANTIATE_TEST_SUITE_P(Others, RecyclerStress, testing::ValuesIn(kOthers), kNameOf);
INSTANTIATE_TEST_SUITE_P(, RecyclerDuel, testing::ValuesIn(kChecked), kNameOf);

/// Where threads leave objects for others.
class Table {
 public:
  void lay(Recycled<Message> message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  /// @returns empty when nothing is there.
  [[nodiscard]] Recycled<Message> pick() {
    const std::lock_guard lock(mutex_);
    if (messages_.empty()) return nullptr;
    std::swap(messages_[messages_.size() / 2], messages_.back());
    Recycled<Message> picked = std::move(messages_.back());
    messages_.pop_back();
    return picked;
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<Recycled<Message>> messages_;
};

// -- Everything at once ---------------------------------------------------------------------------

/// Threads that get, exchange and recycle.
class Traffic {
 public:
  Traffic(Recycler<Message>& recycler, Ways ways) : recycler_(recycler), ways_(ways) {}

  /// What one thread does. @param gets whether it may take objects from the recycler.
  void work(unsigned seed, int steps, bool gets) {
    std::minstd_rand random(seed + 1);
    std::vector<Recycled<Message>> held;
    for (int i = 0; i < steps; ++i) {
      const auto number = (std::uint64_t{seed} << 32) + static_cast<std::uint64_t>(i) + 1;
      switch (random() % 4) {
        case 0:
          if (!gets || table_.size() > kMost) break;
          table_.lay(recycler_.get());
          break;
        case 1:
          if (!gets || held.size() > kMost) break;
          held.push_back(recycler_.get());
          held.back()->take(number);
          break;
        case 2:
          if (Recycled<Message> message = table_.pick()) {
            message->take(number);
            give_back(std::move(message), random());
          }
          break;
        default:
          if (held.empty()) break;
          held.back()->let_go();
          held.pop_back();
      }
    }
    for (auto& message : held) message->let_go();
  }

  /// Recycles what is left on the table.
  void clear() {
    while (const Recycled<Message> message = table_.pick()) {
    }
  }

 private:
  static constexpr std::size_t kMost = 40;  // more than a pool takes

  void give_back(Recycled<Message> holder, unsigned long how) {
    holder->let_go();
    if (ways_ == Ways::holders || how % 4 == 0) return;
    Message& message = *holder.release();
    if (ways_ == Ways::references || how % 4 == 1) {
      recycler_.recycle(message);
    } else if (how % 4 == 2) {
      message.handle.recycle(&message);
    } else {
      message.handle.unguarded_recycle(&message);
    }
  }

  Recycler<Message>& recycler_;
  const Ways ways_;
  Table table_;
};

TEST_P(RecyclerStress, NoObjectHasTwoHoldersOrIsLost) {
  constexpr unsigned kWorkers = 3;
  const int lives = 8;  // threads that each worker is, one after the other
  const int steps = test::scaled(40000);
  std::unique_ptr<Recycler<Message>> recycler;
  std::unique_ptr<Traffic> traffic;
  std::latch made(1);
  std::atomic<unsigned> working{kWorkers};

  std::vector<std::thread> workers;
  workers.emplace_back([&] {  // the only one that gets from a pinned recycler
    recycler = make();
    traffic = std::make_unique<Traffic>(*recycler, GetParam().ways);
    made.count_down();
    traffic->work(0, steps * lives, true);
    --working;
  });
  for (unsigned worker = 1; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      made.wait();
      for (int life = 0; life < lives; ++life) {
        const unsigned seed = worker * 100 + static_cast<unsigned>(life);
        std::thread([&] { traffic->work(seed, steps, !is_pinned()); }).join();
      }
      --working;
    });
  }
  made.wait();
  const RecyclerOptions options = recycler->options();
  const std::size_t most = options.max_capacity_per_thread + options.chunk_size;  // in a pool
  RecyclerStats before;
  while (working != 0) {  // the visitor
    static_cast<void>(recycler->trim_all());
    // Its numbers need not fit together: what is pooled may be more than was created when that was
    // read.
    const RecyclerStats stats = recycler->stats();
    EXPECT_LE(stats.pooled, kWorkers * most);
    EXPECT_GE(stats.created, before.created);
    before = stats;
    EXPECT_LE(recycler->thread_local_size(), 12U + 32U);
    // A pause, since whoever trims all the time keeps the owners from entering.
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  for (auto& worker : workers) worker.join();

  traffic->clear();
  recycler->audit();
  expect_adds_up(recycler->stats(), 0);
  EXPECT_GT(recycler->stats().reused, 0U);
  recycler.reset();
  EXPECT_EQ(Message::live, 0);
}

TEST_P(RecyclerStress, TheRecyclerEndsWhileItsObjectsAreOnTheirWayHome) {
  const int rounds = test::scaled(1000);
  for (int round = 0; round < rounds; ++round) {
    std::unique_ptr<Recycler<Message>> recycler = make();
    std::array<std::vector<Recycled<Message>>, 3> parts;
    for (auto& part : parts) {
      for (int i = 0; i < 30; ++i) {
        part.push_back(recycler->get());
        part.back()->take(1 + static_cast<std::uint64_t>(i));
      }
    }
    std::latch start(4);
    const auto recycle = [&start](std::vector<Recycled<Message>>& part) {
      start.arrive_and_wait();
      for (Recycled<Message>& holder : part) {
        holder->let_go();
        if (GetParam().ways != Ways::all) {
          holder.reset();  // nobody may call the recycler any more
        } else {
          Message* const message = holder.release();
          message->handle.recycle(message);
        }
      }
    };
    std::array<std::thread, 2> threads{std::thread(recycle, std::ref(parts[0])),
                                       std::thread(recycle, std::ref(parts[1]))};
    std::thread killer([&] {  // not the owner, who is recycling at the moment
      start.arrive_and_wait();
      recycler.reset();
    });
    recycle(parts[2]);
    for (auto& thread : threads) thread.join();
    killer.join();
    ASSERT_EQ(Message::live, 0) << "round " << round;
  }
}

// -- Two threads and one object -----------------------------------------------------------------

/// @returns whether the recycle was refused.
template <class F>
bool is_refused(F recycle) {
  try {
    recycle();
  } catch (const std::logic_error&) {
    return true;
  }
  return false;
}

/// This thread and another recycle a message at the same moment, round after round: this one by
/// recycle(message), the other guarded. check(refused) looks at the recycler after each.
template <class Recycle, class Check>
void duel(Recycler<Message>& recycler, Recycle recycle, Check check) {
  const int rounds = test::scaled(10000);
  Message* contended = nullptr;
  std::atomic<int> refused{0};
  std::atomic<int> turn{0};
  std::atomic<int> done{0};
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (turn.load(std::memory_order_acquire) < round) std::this_thread::yield();
      if (is_refused([&] { contended->handle.recycle(contended); })) ++refused;
      done.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    contended = &recycler.get_raw();
    refused = 0;
    turn.store(round, std::memory_order_release);
    if (is_refused([&] { recycle(*contended); })) ++refused;
    while (done.load(std::memory_order_acquire) < round) std::this_thread::yield();
    check(refused.load());
  }
  other.join();
}

TEST_P(RecyclerDuel, OfTwoGuardedRecyclesOneIsRefused) {
  const auto recycler = make();
  duel(
      *recycler, [](Message& message) { message.handle.recycle(&message); },
      [&](int refused) {
        ASSERT_EQ(refused, 1);
        ASSERT_EQ(recycler->thread_local_size(), 1U) << "in the pool once";
      });
  EXPECT_EQ(recycler->stats().created, 1U);
}

/// An owner who does not look well may let an object into its pool twice; it still has one holder.
TEST_P(RecyclerDuel, GuardedAgainstUnguardedItIsHandedOutOnce) {
  const LogSink before = set_log_sink([](LogLevel, std::string_view) {});
  const auto recycler = make();
  duel(
      *recycler, [](Message& message) { message.handle.unguarded_recycle(&message); },
      [&](int refused) {
        ASSERT_LE(refused, 1);
        auto a = recycler->get();
        auto b = recycler->get();
        ASSERT_NE(a, b) << "refused " << refused;
        a->take(1);
        b->take(2);
        a->let_go();
        b->let_go();
        a.reset();
        b.reset();
        recycler->trim();
      });
  expect_adds_up(recycler->stats(), 0);
  set_log_sink(before);
}

// Goal: no misuse is missed, however it meets the first recycle(T&) of a pool. Method: a recycler
// a round, whose objects have no handles; while another thread's holder dies, its object, or one of
// the same pool, is recycled by reference. Exactly one of those who recycle an object finds that it
// waits already.
TEST(RecyclerReferences, TheFirstOfAPoolMissesNothingThatComesAtTheSameTime) {
  std::atomic<int> found{0};
  const LogSink before = set_log_sink([&](LogLevel, std::string_view) { ++found; });
  const int rounds = test::scaled(2000);
  std::unique_ptr<Recycler<Message>> recycler;
  Recycled<Message> held;
  std::atomic<int> turn{0};
  std::atomic<int> done{0};
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (turn.load(std::memory_order_acquire) < round) std::this_thread::yield();
      held.reset();
      done.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    recycler = without_handles({.max_capacity_per_thread = 12, .ratio = 0});
    held = recycler->get();
    Message& late = *held;
    Message& raw = recycler->get_raw();
    const bool has_box = round % 4 < 2;
    if (has_box) std::thread([object = recycler->get()] {}).join();
    const bool same = round % 2 == 0;
    found = 0;
    turn.store(round, std::memory_order_release);
    if (is_refused([&] { recycler->recycle(same ? late : raw); })) ++found;
    while (done.load(std::memory_order_acquire) < round) std::this_thread::yield();
    if (!same && is_refused([&] { recycler->recycle(late); })) ++found;
    EXPECT_EQ(found, 1) << "round " << round;
    if (same) recycler->recycle(raw);
    EXPECT_EQ(recycler->thread_local_size(), has_box ? 3U : 2U);
    recycler->audit();
    recycler.reset();
    ASSERT_EQ(Message::live, 0);
  }
  other.join();
  set_log_sink(before);
}

// Goal: who recycles by reference relies on nothing before it is so. Method: while one thread makes
// the first such call of a pool, another recycles what a holder has brought back before.
TEST(RecyclerReferences, TheSecondOfAPoolWaitsForTheFirst) {
  const int rounds = test::scaled(1000);
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    const auto recycler = without_handles({.ratio = 0});
    std::vector<Recycled<Message>> held(100);
    for (auto& holder : held) holder = recycler->get();
    Message& late = *held.back();
    Message& raw = recycler->get_raw();
    std::thread([&held] { held.clear(); }).join();
    std::latch start(2);
    std::thread first([&] {
      start.arrive_and_wait();
      recycler->recycle(raw);
    });
    std::thread second([&] {
      start.arrive_and_wait();
      EXPECT_TRUE(is_refused([&] { recycler->recycle(late); }));
    });
    first.join();
    second.join();
    EXPECT_EQ(recycler->thread_local_size(), 101U);
    recycler->audit();
  }
}

// Goal: what is marked is not taken meanwhile. Method: the owner gets all that a holder's end in
// another thread has brought back, while a third makes the pool's first call by reference.
TEST(RecyclerReferences, TheFirstOfAPoolKeepsTheOwnerOutOfTheBox) {
  const int rounds = test::scaled(1000);
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    const auto recycler = without_handles({.ratio = 0});
    std::vector<Recycled<Message>> held(128);
    for (auto& holder : held) holder = recycler->get();
    Message& raw = recycler->get_raw();
    std::thread([held = std::move(held)] {}).join();
    std::latch start(2);
    std::thread visitor([&] {
      start.arrive_and_wait();
      recycler->recycle(raw);
    });
    held = std::vector<Recycled<Message>>(128);
    start.arrive_and_wait();
    for (auto& holder : held) {
      holder = recycler->get();
      holder->take(1);
    }
    visitor.join();
    recycler->audit();
    for (const auto& holder : held) holder->let_go();
    EXPECT_LE(recycler->stats().created, 130U);
  }
  EXPECT_EQ(Message::live, 0);
}

}  // namespace
}  // namespace tarn
