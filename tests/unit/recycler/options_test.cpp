// SPDX-License-Identifier: Apache-2.0
// Tests of RecyclerOptions. Layer: recycler.
#include "tarn/detail/recycler/options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tarn::recycler {
namespace {

RecyclerOptions with(std::size_t capacity, std::size_t chunk) {
  RecyclerOptions options;
  options.max_capacity_per_thread = capacity;
  options.chunk_size = chunk;
  return in_force(options);
}

// S4-17: a floor only for 1 to 3; 0 stays 0.
TEST(RecyclerOptions, CapacityIsZeroOrAtLeastFour) {
  EXPECT_EQ(with(0, 32).max_capacity_per_thread, 0U);
  for (const std::size_t capacity : {1U, 2U, 3U, 4U}) {
    EXPECT_EQ(with(capacity, 32).max_capacity_per_thread, 4U);
  }
  EXPECT_EQ(with(5, 32).max_capacity_per_thread, 5U);
}

// S4-11.
TEST(RecyclerOptions, ChunkIsKeptWithinTwoAndHalfOfTheCapacity) {
  EXPECT_EQ(with(10, 100).chunk_size, 5U);
  EXPECT_EQ(with(4096, 0).chunk_size, 2U);
  EXPECT_EQ(with(4096, 32).chunk_size, 32U);
  EXPECT_EQ(with(4, 32).chunk_size, 2U);
}

// S4-9, S4-10, S4-12, S4-14, S4-16.
TEST(RecyclerOptions, EnvironmentFollowsTheFallbackAndNegativeRules) {
  ::setenv("TARN_RECYCLER_MAX_CAPACITY", "200", 1);
  EXPECT_EQ(RecyclerOptions::from_environment().max_capacity_per_thread, 200U);
  ::setenv("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD", "100", 1);
  EXPECT_EQ(RecyclerOptions::from_environment().max_capacity_per_thread, 100U);
  ::setenv("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD", "-1", 1);
  EXPECT_EQ(RecyclerOptions::from_environment().max_capacity_per_thread, 4096U);
  ::unsetenv("TARN_RECYCLER_MAX_CAPACITY");
  ::setenv("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD", "8192", 1);
  EXPECT_EQ(RecyclerOptions::from_environment().max_capacity_per_thread, 8192U);
  ::unsetenv("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD");
  ::setenv("TARN_RECYCLER_RATIO", "-5", 1);
  ::setenv("TARN_RECYCLER_CHUNK_SIZE", "-7", 1);
  ::setenv("TARN_RECYCLER_BATCH_FAST_THREADS_ONLY", "TRUE ", 1);
  const RecyclerOptions options = RecyclerOptions::from_environment();
  EXPECT_EQ(options.max_capacity_per_thread, 4096U);
  EXPECT_EQ(options.ratio, 0U);
  EXPECT_EQ(options.chunk_size, 2U);
  EXPECT_TRUE(options.batch_fast_threads_only);
  ::setenv("TARN_RECYCLER_BATCH_FAST_THREADS_ONLY", "maybe", 1);
  EXPECT_FALSE(RecyclerOptions::from_environment().batch_fast_threads_only);
  for (const char* name : {"TARN_RECYCLER_RATIO", "TARN_RECYCLER_CHUNK_SIZE",
                           "TARN_RECYCLER_BATCH_FAST_THREADS_ONLY"}) {
    ::unsetenv(name);
  }
}

// S4-15.
TEST(RecyclerOptions, DescriptionNamesEverySettingOrSaysDisabled) {
  EXPECT_EQ(describe(with(4096, 32)),
            "max_capacity_per_thread=4096 ratio=8 chunk_size=32 blocking=false "
            "batch_fast_threads_only=false guard=checked form=per_thread");
  const std::string off = describe(with(0, 32));
  EXPECT_EQ(off.find("4096"), std::string::npos);
  EXPECT_NE(off.find("ratio=disabled"), std::string::npos) << off;
}

}  // namespace
}  // namespace tarn::recycler
