// SPDX-License-Identifier: Apache-2.0
// Tests of the removal of a thread's values, in rounds, by wish and at its end.
#include "tls/removal.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "tarn/detail/tls/slots.hpp"
#include "tls/registry.hpp"

namespace tarn::tls {
namespace {

int value;

/// A key whose callback makes its value anew, `again` times or for ever.
struct Stubborn {
  explicit Stubborn(int times) : again(times) {}

  static void remove(void* old, void* self) {
    auto& me = *static_cast<Stubborn*>(self);
    ++me.removed;
    if (me.again-- > 0) me.key.set(old);
  }
  static void discard(void* old, void* self) {
    auto& me = *static_cast<Stubborn*>(self);
    ++me.discarded;
    if (me.again-- > 0) me.key.set(old);
  }

  int again;
  int removed = 0;
  int discarded = 0;
  Key key{remove, discard, this};
};

TEST(Removal, RemovesWhatIsMadeMeanwhile) {
  Stubborn stubborn(3);
  stubborn.key.set(&value);
  remove_all_values();
  EXPECT_EQ(stubborn.removed, 4);
  EXPECT_EQ(stubborn.discarded, 0);
  EXPECT_EQ(thread_value_count(), 0U);
}

TEST(Removal, DiscardsAfterEightRounds) {
  Stubborn stubborn(8);
  stubborn.key.set(&value);
  remove_all_values();
  EXPECT_EQ(stubborn.removed, 8);
  EXPECT_EQ(stubborn.discarded, 1);
  EXPECT_EQ(thread_value_count(), 0U);
}

TEST(Removal, AtThreadExitDiscardsAfterEightRounds) {
  Stubborn stubborn(8);
  std::thread([&] { stubborn.key.set(&value); }).join();
  EXPECT_EQ(stubborn.removed, 8);
  EXPECT_EQ(stubborn.discarded, 1);
}

// A value that is made for ever: removal ends all the same, and so does the thread.
TEST(Removal, EndsWhenValuesAreMadeForEver) {
  const std::size_t threads = registry().thread_count();
  {
    Stubborn stubborn(1'000'000);
    std::thread([&] { stubborn.key.set(&value); }).join();
    EXPECT_EQ(stubborn.removed, 8);
    EXPECT_EQ(stubborn.discarded, 8);
    EXPECT_EQ(registry().thread_count(), threads + 1) << "kept, for the key's destructor to find";
    registry().audit();
    stubborn.again = 0;
  }
}

TEST(Removal, GoesOnAfterAnExceptionAndThrowsTheFirst) {
  struct Throwing {
    explicit Throwing(const char* text) : what(text) {}
    static void remove(void*, void* self) {
      auto& me = *static_cast<Throwing*>(self);
      ++me.removed;
      throw std::runtime_error(me.what);
    }
    const char* what;
    int removed = 0;
    Key key{remove, this};
  };
  Throwing first("first");
  Stubborn calm(0);
  Throwing second("second");
  first.key.set(&value);
  calm.key.set(&value);
  second.key.set(&value);
  try {
    remove_all_values();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
  EXPECT_EQ(first.removed + calm.removed + second.removed, 3);
  EXPECT_EQ(thread_value_count(), 0U);
}

TEST(Removal, ACallbackMayRemoveAllItself) {
  struct Recursive {
    static void remove(void*, void* self) {
      ++static_cast<Recursive*>(self)->removed;
      remove_all_values();
    }
    int removed = 0;
    Key key{remove, this};
  };
  Recursive outer;
  Recursive inner;
  outer.key.set(&value);
  inner.key.set(&value);
  remove_all_values();
  EXPECT_EQ(outer.removed + inner.removed, 2);
}

// Making a value beyond the array's end moves the array, while it is gone through.
TEST(Removal, SlotsMayGrowMeanwhile) {
  struct Growing {
    static void remove(void*, void* self) {
      auto& me = *static_cast<Growing*>(self);
      for (int i = 0; i < 100; ++i) {
        me.made.push_back(std::make_unique<Stubborn>(0));
        me.made.back()->key.set(&value);
      }
    }
    std::vector<std::unique_ptr<Stubborn>> made;
    Key key{remove, this};
  } growing;
  std::thread([&] { growing.key.set(&value); }).join();
  ASSERT_EQ(growing.made.size(), 100U);
  for (const auto& each : growing.made) EXPECT_EQ(each->removed, 1);
}

TEST(Removal, EndOfAThreadForgetsItAndMayBeginAgain) {
  Stubborn stubborn(0);
  std::thread([&] {
    stubborn.key.set(&value);
    end_thread();
    EXPECT_EQ(current_record(), nullptr);
    EXPECT_EQ(stubborn.removed, 1);
    end_thread();
    stubborn.key.set(&value);
    EXPECT_EQ(stubborn.key.get(), &value);
  }).join();
  EXPECT_EQ(stubborn.removed, 2);
}

}  // namespace
}  // namespace tarn::tls
