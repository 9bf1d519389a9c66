// SPDX-License-Identifier: Apache-2.0
// Defaults, validation and environment of a pool's settings.
#include "tarn/detail/pool/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tarn/detail/platform/memory.hpp"
#include "tarn/log.hpp"

namespace tarn {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refusal_of(const PooledAllocatorOptions& options) {
  try {
    pool::validate(options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

template <class T>
std::string refusal_of(T PooledAllocatorOptions::*option, T value) {
  PooledAllocatorOptions options;
  options.*option = value;
  return refusal_of(options);
}

// S0-8: 512, 256, 64, trim every 8192; what a cache keeps of one size reaches to 1 MiB here, where
// Netty's ends at 32768 and so leaves one normal class.
TEST(PooledAllocatorOptions, HaveNettysDefaults) {
  const PooledAllocatorOptions options;
  EXPECT_EQ(options.page_size, 8192U);
  EXPECT_EQ(options.max_order, 9U);
  EXPECT_EQ(options.tiny_cache_size, 512U);
  EXPECT_EQ(options.small_cache_size, 256U);
  EXPECT_EQ(options.normal_cache_size, 64U);
  EXPECT_EQ(options.max_cached_buffer_capacity, 1U << 20);
  EXPECT_EQ(options.cache_trim_interval, 8192U);
  EXPECT_EQ(options.cache_trim_period, milliseconds(0));
  EXPECT_TRUE(options.use_cache_for_all_threads);
  EXPECT_EQ(options.direct_alignment, 0U);
  EXPECT_EQ(refusal_of(options), "accepted");
}

TEST(PooledAllocatorOptions, BoundWhatAThreadKeepsByDefault) {
  const PooledAllocatorOptions options;
  EXPECT_GT(options.max_cached_bytes_per_thread, 0U);
  EXPECT_LE(options.max_cached_bytes_per_thread, 16U << 20);
  EXPECT_GT(options.max_pending_bytes_per_thread, 0U);
  EXPECT_LE(options.max_pending_bytes_per_thread, 16U << 20);
}

TEST(PooledAllocatorOptions, HaveTwoArenasAProcessorUnlessMemoryIsShort) {
  const std::size_t arenas = PooledAllocatorOptions::default_arenas();
  EXPECT_GE(arenas, 1U);
  EXPECT_LE(arenas, 2 * std::max(1U, std::thread::hardware_concurrency()));
  EXPECT_EQ(PooledAllocatorOptions{}.heap_arenas, arenas);
  EXPECT_EQ(PooledAllocatorOptions{}.direct_arenas, arenas);
}

TEST(PooledAllocatorOptions, RefuseTooManyArenas) {
  using Options = PooledAllocatorOptions;
  EXPECT_EQ(refusal_of(&Options::heap_arenas, std::size_t{0}), "accepted");
  EXPECT_EQ(refusal_of(&Options::heap_arenas, std::size_t{4096}), "accepted");
  EXPECT_EQ(refusal_of(&Options::heap_arenas, std::size_t{4097}),
            "heap_arenas: 4097 (expected: 0-4096)");
  EXPECT_EQ(refusal_of(&Options::direct_arenas, ~std::size_t{0}),
            "direct_arenas: 18446744073709551615 (expected: 0-4096)");
}

// Netty: "pageSize: 4095 (expected: 4096)", "pageSize: 5000 (expected: power of 2)".
TEST(PooledAllocatorOptions, RefusePagesThatAreNone) {
  using Options = PooledAllocatorOptions;
  for (const std::size_t size : {0U, 1U, 2048U, 4095U, 5000U, 12288U}) {
    EXPECT_THAT(refusal_of(&Options::page_size, size),
                AllOf(HasSubstr("page_size: " + std::to_string(size)),
                      HasSubstr("(expected: a power of two, 4096-1073741824)")));
  }
  EXPECT_EQ(refusal_of(&Options::page_size, std::size_t{4096}), "accepted");
  EXPECT_EQ(refusal_of(&Options::page_size, std::size_t{1} << 21), "accepted");
}

TEST(PooledAllocatorOptions, RefuseChunksOfMoreThanAGigabyte) {
  using Options = PooledAllocatorOptions;
  EXPECT_EQ(refusal_of(&Options::max_order, 0U), "accepted");
  EXPECT_EQ(refusal_of(&Options::max_order, 14U), "accepted");
  EXPECT_EQ(refusal_of(&Options::max_order, 15U), "max_order: 15 (expected: 0-14)");
  PooledAllocatorOptions options;
  options.page_size = std::size_t{1} << 20;
  options.max_order = 10;
  EXPECT_EQ(refusal_of(options), "accepted");
  options.max_order = 11;
  EXPECT_THAT(refusal_of(options), AllOf(HasSubstr("max_order: 11"), HasSubstr("1073741824"),
                                         HasSubstr("page_size is 1048576")));
}

TEST(PooledAllocatorOptions, RefuseCacheSizesOutOfRange) {
  using Options = PooledAllocatorOptions;
  const std::pair<const char*, std::size_t Options::*> sizes[] = {
      {"tiny_cache_size", &Options::tiny_cache_size},
      {"small_cache_size", &Options::small_cache_size},
      {"normal_cache_size", &Options::normal_cache_size}};
  for (const auto& [name, option] : sizes) {
    EXPECT_EQ(refusal_of(option, std::size_t{0}), "accepted");
    EXPECT_EQ(refusal_of(option, std::size_t{1} << 20), "accepted");
    EXPECT_EQ(refusal_of(option, (std::size_t{1} << 20) + 1),
              name + std::string(": 1048577 (expected: 0-1048576)"));
  }
}

TEST(PooledAllocatorOptions, RefuseBytesAndIntervalsOutOfRange) {
  using Options = PooledAllocatorOptions;
  EXPECT_THAT(refusal_of(&Options::max_cached_buffer_capacity, (std::size_t{1} << 30) + 1),
              HasSubstr("max_cached_buffer_capacity: 1073741825 (expected: 0-1073741824)"));
  EXPECT_THAT(refusal_of(&Options::max_cached_bytes_per_thread, ~std::size_t{0}),
              HasSubstr("max_cached_bytes_per_thread: 18446744073709551615 (expected: 0-"));
  EXPECT_THAT(refusal_of(&Options::max_pending_bytes_per_thread, ~std::size_t{0}),
              HasSubstr("max_pending_bytes_per_thread: 18446744073709551615 (expected: 0-"));
  EXPECT_EQ(refusal_of(&Options::cache_trim_interval, std::size_t{0xFFFF'FFFF}), "accepted");
  EXPECT_THAT(refusal_of(&Options::cache_trim_interval, std::size_t{1} << 32),
              HasSubstr("cache_trim_interval: 4294967296 (expected: 0-4294967295)"));
  EXPECT_THAT(refusal_of(&Options::cache_trim_period, milliseconds(-1)),
              HasSubstr("cache_trim_period: -1"));
  EXPECT_EQ(refusal_of(&Options::cache_trim_period, milliseconds(1)), "accepted");
  EXPECT_THAT(refusal_of(&Options::cache_trim_period, milliseconds::max()),
              HasSubstr("cache_trim_period: 9223372036854775807"));
}

TEST(PooledAllocatorOptions, RefuseAlignmentsThatAreNone) {
  using Options = PooledAllocatorOptions;
  const std::size_t page = platform::system_page_size();
  for (std::size_t alignment = 1; alignment <= page; alignment *= 2) {
    EXPECT_EQ(refusal_of(&Options::direct_alignment, alignment), "accepted");
  }
  for (const std::size_t alignment : {std::size_t{3}, std::size_t{48}, 2 * page, ~std::size_t{0}}) {
    EXPECT_EQ(refusal_of(&Options::direct_alignment, alignment),
              "direct_alignment: " + std::to_string(alignment) +
                  " (expected: 0 or a power of two up to " + std::to_string(page) + ")");
  }
}

// --- environment
// ----------------------------------------------------------------------------------

/// Sets variables TARN_ALLOCATOR_.., and collects what is warned about meanwhile.
class Environment {
 public:
  explicit Environment(std::initializer_list<std::pair<const char*, const char*>> variables)
      : before_(set_log_sink([this](LogLevel level, std::string_view line) {
          if (level == LogLevel::warning) warnings_.emplace_back(line);
        })) {
    for (const auto& [name, value] : variables) {
      names_.push_back("TARN_ALLOCATOR_" + std::string(name));
      ::setenv(names_.back().c_str(), value, 1);
    }
    options = PooledAllocatorOptions::from_environment();
  }
  ~Environment() {
    for (const std::string& name : names_) ::unsetenv(name.c_str());
    set_log_sink(before_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  PooledAllocatorOptions options;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> warnings_;
  LogSink before_;
};

TEST(PooledAllocatorEnvironment, SetsEveryOption) {
  const Environment environment{{"HEAP_ARENAS", "3"},
                                {"DIRECT_ARENAS", "0"},
                                {"PAGE_SIZE", "16384"},
                                {"MAX_ORDER", "5"},
                                {"TINY_CACHE_SIZE", "11"},
                                {"SMALL_CACHE_SIZE", "12"},
                                {"NORMAL_CACHE_SIZE", "13"},
                                {"MAX_CACHED_BUFFER_CAPACITY", "65536"},
                                {"MAX_CACHED_BYTES_PER_THREAD", "1000000"},
                                {"MAX_PENDING_BYTES_PER_THREAD", "2000000"},
                                {"CACHE_TRIM_INTERVAL", "100"},
                                {"CACHE_TRIM_PERIOD", "250"},
                                {"USE_CACHE_FOR_ALL_THREADS", " No "},
                                {"DIRECT_ALIGNMENT", " 64 "}};
  const PooledAllocatorOptions& options = environment.options;
  EXPECT_EQ(options.heap_arenas, 3U);
  EXPECT_EQ(options.direct_arenas, 0U);
  EXPECT_EQ(options.page_size, 16384U);
  EXPECT_EQ(options.max_order, 5U);
  EXPECT_EQ(options.tiny_cache_size, 11U);
  EXPECT_EQ(options.small_cache_size, 12U);
  EXPECT_EQ(options.normal_cache_size, 13U);
  EXPECT_EQ(options.max_cached_buffer_capacity, 65536U);
  EXPECT_EQ(options.max_cached_bytes_per_thread, 1'000'000U);
  EXPECT_EQ(options.max_pending_bytes_per_thread, 2'000'000U);
  EXPECT_EQ(options.cache_trim_interval, 100U);
  EXPECT_EQ(options.cache_trim_period, milliseconds(250));
  EXPECT_FALSE(options.use_cache_for_all_threads);
  EXPECT_EQ(options.direct_alignment, 64U);
  EXPECT_THAT(environment.warnings(), IsEmpty());
}

TEST(PooledAllocatorEnvironment, UnsetAndEmptyVariablesLeaveTheDefaults) {
  const Environment environment{{"TINY_CACHE_SIZE", ""}, {"USE_CACHE_FOR_ALL_THREADS", "  "}};
  EXPECT_EQ(environment.options.tiny_cache_size, 512U);
  EXPECT_EQ(environment.options.small_cache_size, 256U);
  EXPECT_TRUE(environment.options.use_cache_for_all_threads);
  EXPECT_THAT(environment.warnings(), IsEmpty());
}

// One warning a process and variable, so each of these tests has variables of its own.
TEST(PooledAllocatorEnvironment, WarnsOfNumbersThatAreNone) {
  {
    const Environment environment{{"TINY_CACHE_SIZE", "8k"}};
    EXPECT_EQ(environment.options.tiny_cache_size, 512U);
    EXPECT_THAT(environment.warnings(),
                ElementsAre(AllOf(HasSubstr("TARN_ALLOCATOR_TINY_CACHE_SIZE"), HasSubstr("8k"),
                                  HasSubstr("using 512 instead"))));
  }
  const Environment again{{"TINY_CACHE_SIZE", "9k"}};
  EXPECT_THAT(again.warnings(), IsEmpty());
}

TEST(PooledAllocatorEnvironment, WarnsOfNumbersOutOfRange) {
  const Environment environment{{"SMALL_CACHE_SIZE", "-1"},
                                {"CACHE_TRIM_INTERVAL", "4294967296"},
                                {"HEAP_ARENAS", "99999999999999999999"}};
  EXPECT_EQ(environment.options.small_cache_size, 256U);
  EXPECT_EQ(environment.options.cache_trim_interval, 8192U);
  EXPECT_EQ(environment.options.heap_arenas, PooledAllocatorOptions::default_arenas());
  EXPECT_EQ(environment.warnings().size(), 3U);
}

TEST(PooledAllocatorEnvironment, WarnsOfWhatIsNoPowerOfTwo) {
  const Environment environment{{"DIRECT_ALIGNMENT", "48"}};
  EXPECT_EQ(environment.options.direct_alignment, 0U);
  EXPECT_EQ(environment.warnings().size(), 1U);
}

TEST(PooledAllocatorEnvironment, WarnsOfPagesAndOrdersThatMakeTooLargeAChunk) {
  const Environment environment{{"PAGE_SIZE", "1048576"}, {"MAX_ORDER", "14"}};
  EXPECT_EQ(environment.options.page_size, 8192U);
  EXPECT_EQ(environment.options.max_order, 9U);
  EXPECT_THAT(environment.warnings(),
              ElementsAre(HasSubstr("TARN_ALLOCATOR_MAX_ORDER=\"14\" makes chunks of more than "
                                    "1073741824 bytes with pages of 1048576 bytes")));
}

TEST(PooledAllocatorEnvironment, WarnsOfPagesThatAreTooLargeForTheDefaultOrder) {
  const Environment environment{{"PAGE_SIZE", "8388608"}};
  EXPECT_EQ(environment.options.page_size, 8192U);
  EXPECT_EQ(environment.options.max_order, 9U);
  EXPECT_THAT(
      environment.warnings(),
      ElementsAre(HasSubstr("TARN_ALLOCATOR_PAGE_SIZE=\"8388608\" makes chunks of more than "
                            "1073741824 bytes with order 9")));
}

TEST(PooledAllocatorEnvironment, WarnsOfWordsThatAreNoBooleans) {
  const Environment environment{{"USE_CACHE_FOR_ALL_THREADS", "maybe"}};
  EXPECT_TRUE(environment.options.use_cache_for_all_threads);
  EXPECT_THAT(environment.warnings(), ElementsAre(HasSubstr("maybe")));
}

// Whatever the environment says, an allocator can be made of it.
TEST(PooledAllocatorEnvironment, NeverLeadsToOptionsThatAreRefused) {
  for (const char* const value : {"0", "1", "4096", "65536", "1073741824", "1000000000000"}) {
    const Environment environment{{"HEAP_ARENAS", value},
                                  {"PAGE_SIZE", value},
                                  {"MAX_ORDER", value},
                                  {"TINY_CACHE_SIZE", value},
                                  {"NORMAL_CACHE_SIZE", value},
                                  {"MAX_CACHED_BUFFER_CAPACITY", value},
                                  {"MAX_CACHED_BYTES_PER_THREAD", value},
                                  {"MAX_PENDING_BYTES_PER_THREAD", value},
                                  {"CACHE_TRIM_INTERVAL", value},
                                  {"CACHE_TRIM_PERIOD", value},
                                  {"DIRECT_ALIGNMENT", value}};
    EXPECT_EQ(refusal_of(environment.options), "accepted") << value;
  }
}

}  // namespace
}  // namespace tarn
