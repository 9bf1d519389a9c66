// SPDX-License-Identifier: Apache-2.0
// Random operations by several threads on several instances, against a map.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "support/lane.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tls/registry.hpp"

namespace tarn {
namespace {

constexpr std::size_t kThreads = 6;
constexpr std::size_t kInstances = 40;  // past the first 32 slots
constexpr int kSteps = 6'000;

/// A value that knows how many of its kind live.
struct Value {
  static inline int living = 0;
  explicit Value(int n) : number(n) { ++living; }
  Value(Value&& other) noexcept : number(other.number) { ++living; }
  Value& operator=(Value&&) = delete;
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() { --living; }
  int number;
};

class State {
 public:
  /// What is expected: number of the value of (thread, instance). One thread runs at a time.
  using Model = std::map<std::pair<std::size_t, std::size_t>, int>;

  void toggle_thread(std::size_t t) {
    if (workers_[t] == nullptr) {
      workers_[t] = std::make_unique<test::Lane>();
      return;
    }
    expect_removed(erase_if([t](const auto& at) { return at.first == t; }),
                   [&] { workers_[t].reset(); });
  }

  void toggle_instance(std::size_t i) {
    if (locals_[i] == nullptr) {
      locals_[i] = std::make_unique<FastThreadLocal<Value>>(
          [this] { return Value(++last_number_); }, [this](Value& value) { note(value); });
      return;
    }
    expect_removed(erase_if([i](const auto& at) { return at.second == i; }),
                   [&] { locals_[i].reset(); });
  }

  void get(std::size_t t, std::size_t i) {
    if (!exists(t, i)) return;
    const auto known = model_.find({t, i});
    const int expected = known == model_.end() ? last_number_ + 1 : known->second;
    in_thread(t, [&] { EXPECT_EQ(locals_[i]->get().number, expected); });
    model_[{t, i}] = expected;
  }

  void set(std::size_t t, std::size_t i) {
    if (!exists(t, i)) return;
    const int number = ++last_number_;
    expect_removed({}, [&] {
      in_thread(t, [&] { EXPECT_EQ(locals_[i]->set(Value(number)).number, number); });
    });
    model_[{t, i}] = number;
  }

  void look(std::size_t t, std::size_t i) {
    if (!exists(t, i)) return;
    const auto known = model_.find({t, i});
    in_thread(t, [&] {
      const Value* const value = locals_[i]->get_if_exists();
      EXPECT_EQ(locals_[i]->is_set(), known != model_.end());
      ASSERT_EQ(value != nullptr, known != model_.end());
      if (value != nullptr) {
        EXPECT_EQ(value->number, known->second);
      }
    });
  }

  void remove(std::size_t t, std::size_t i) {
    if (!exists(t, i)) return;
    expect_removed(erase_if([&](const auto& at) { return at == std::pair(t, i); }),
                   [&] { in_thread(t, [&] { locals_[i]->remove(); }); });
  }

  void remove_all(std::size_t t) {
    if (workers_[t] == nullptr) return;
    expect_removed(erase_if([t](const auto& at) { return at.first == t; }),
                   [&] { in_thread(t, [] { remove_all_fast_thread_locals(); }); });
  }

  void visit(std::size_t i) {
    if (locals_[i] == nullptr) return;
    std::vector<int> expected;
    for (const auto& [at, number] : model_) {
      if (at.second == i) expected.push_back(number);
    }
    std::vector<int> found;
    locals_[i]->for_each_thread([&](Value& value) { found.push_back(value.number); });
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected);
  }

  void audit() {
    tls::registry().audit();
    EXPECT_EQ(Value::living, static_cast<int>(model_.size()));
    for (std::size_t t = 0; t < kThreads; ++t) {
      if (workers_[t] == nullptr) continue;
      const auto count = std::count_if(model_.begin(), model_.end(),
                                       [t](const auto& entry) { return entry.first.first == t; });
      in_thread(t, [&] { EXPECT_EQ(fast_thread_local_count(), static_cast<std::size_t>(count)); });
    }
  }

 private:
  [[nodiscard]] bool exists(std::size_t t, std::size_t i) const {
    return workers_[t] != nullptr && locals_[i] != nullptr;
  }
  void in_thread(std::size_t t, std::function<void()> command) {
    workers_[t]->call(std::move(command));
  }
  void note(const Value& value) { removed_.push_back(value.number); }

  template <class Matches>
  std::vector<int> erase_if(Matches matches) {
    std::vector<int> numbers;
    std::erase_if(model_, [&](const auto& entry) {
      if (!matches(entry.first)) return false;
      numbers.push_back(entry.second);
      return true;
    });
    return numbers;
  }

  /// Runs `command`, in which exactly these values must meet their on_removal.
  template <class Command>
  void expect_removed(std::vector<int> numbers, Command command) {
    removed_.clear();
    command();
    std::sort(numbers.begin(), numbers.end());
    std::sort(removed_.begin(), removed_.end());
    EXPECT_EQ(removed_, numbers);
  }

  Model model_;
  int last_number_ = 0;
  std::vector<int> removed_;
  std::array<std::unique_ptr<FastThreadLocal<Value>>, kInstances> locals_;
  std::array<std::unique_ptr<test::Lane>, kThreads> workers_;
};

void step(State& state, std::mt19937& random) {
  const std::size_t t = random() % kThreads;
  const std::size_t i = random() % kInstances;
  switch (random() % 32) {
    case 0:
      return state.toggle_thread(t);
    case 1:
    case 2:
      return state.toggle_instance(i);
    case 3:
      return state.remove_all(t);
    case 4:
    case 5:
    case 6:
      return state.visit(i);
    case 7:
    case 8:
    case 9:
    case 10:
      return state.remove(t, i);
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
      return state.set(t, i);
    case 16:
    case 17:
    case 18:
    case 19:
      return state.look(t, i);
    default:
      return state.get(t, i);
  }
}

TEST(FastThreadLocalModel, AgreesWithAMap) {
  std::mt19937 random(20);
  State state;
  for (std::size_t t = 0; t < kThreads; ++t) state.toggle_thread(t);
  for (std::size_t i = 0; i < kInstances; ++i) state.toggle_instance(i);
  for (int n = 0; n < kSteps; ++n) {
    step(state, random);
    if (n % 8 == 0) state.audit();
    ASSERT_FALSE(testing::Test::HasFailure()) << "in step " << n;
  }
  state.audit();
}

TEST(FastThreadLocalModel, LeavesNothing) { EXPECT_EQ(Value::living, 0); }

}  // namespace
}  // namespace tarn
