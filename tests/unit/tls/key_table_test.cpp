// SPDX-License-Identifier: Apache-2.0
// Tests of the table from index to key.
#include "tls/key_table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace tarn::tls {
namespace {

static_assert(std::is_trivially_destructible_v<KeyTable>, "used after static destruction");

/// A table that is freed at the end of its test, and addresses to stand for keys.
class KeyTableTest : public testing::Test {
 protected:
  ~KeyTableTest() override {
    table_.clear();
    small_.clear();
  }
  static Key& key(std::size_t number) { return *reinterpret_cast<Key*>(8 * (number + 1)); }

  KeyTable table_;
  KeyTable small_{4};
};

TEST_F(KeyTableTest, GivesIndicesFromZeroUp) {
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(table_.add(key(i)), i);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(table_.at(i), &key(i));
  EXPECT_EQ(table_.at(100), nullptr);
  EXPECT_EQ(table_.at(std::size_t{1} << 40), nullptr);
}

TEST_F(KeyTableTest, UsesTheLowestFreeIndexAgain) {
  for (std::size_t i = 0; i < 10; ++i) table_.add(key(i));
  table_.remove(7);
  table_.remove(3);
  EXPECT_EQ(table_.at(3), nullptr);
  EXPECT_EQ(table_.add(key(20)), 3U);
  EXPECT_EQ(table_.add(key(21)), 7U);
  EXPECT_EQ(table_.add(key(22)), 10U);
  EXPECT_EQ(table_.at(3), &key(20));
}

// Netty: the constructor at the index limit throws and the limit stays where it is.
TEST_F(KeyTableTest, ThrowsAtItsLimitAndGoesOnBelow) {
  for (std::size_t i = 0; i < 4; ++i) small_.add(key(i));
  for (int attempt = 0; attempt < 3; ++attempt) {
    try {
      small_.add(key(9));
      FAIL() << "a fifth key in a table for four";
    } catch (const std::length_error& error) {
      EXPECT_NE(std::string(error.what()).find("at most 4 at once"), std::string::npos);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(small_.at(i), &key(i));
  small_.remove(2);
  EXPECT_EQ(small_.add(key(9)), 2U);
  EXPECT_THROW(small_.add(key(9)), std::length_error);
}

TEST_F(KeyTableTest, RemovingAFreeIndexIsFatal) {
  EXPECT_DEATH(table_.remove(0), "at\\(index\\)");
  const std::size_t index = table_.add(key(0));
  table_.remove(index);
  EXPECT_DEATH(table_.remove(index), "at\\(index\\)");
}

TEST_F(KeyTableTest, AgreesWithAModel) {
  std::mt19937 random(7);
  std::map<std::size_t, Key*> model;
  for (std::size_t step = 0; step < 20'000; ++step) {
    if (random() % 5 < 3) {
      std::size_t expected = 0;
      while (model.contains(expected)) ++expected;
      ASSERT_EQ(table_.add(key(step)), expected);
      model[expected] = &key(step);
    } else if (!model.empty()) {
      const auto victim = std::next(model.begin(), static_cast<int>(random() % model.size()));
      table_.remove(victim->first);
      model.erase(victim);
    }
    if (model.size() > 150) {
      for (const auto& [index, unused] : model) table_.remove(index);
      model.clear();
    }
    const std::size_t probe = random() % 200;
    const auto found = model.find(probe);
    ASSERT_EQ(table_.at(probe), found == model.end() ? nullptr : found->second);
  }
}

}  // namespace
}  // namespace tarn::tls
