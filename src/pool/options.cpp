// SPDX-License-Identifier: Apache-2.0
// Defaults, environment and validation of a pool's settings. Layer: pool.
#include "tarn/detail/pool/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>

#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/environment.hpp"
#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/sizing/size_classes.hpp"

namespace tarn {
namespace {

constexpr std::size_t kMaxArenas = 4096;
constexpr std::size_t kMaxCacheSize = std::size_t{1} << 20;
constexpr std::size_t kMaxBytes = std::size_t{1} << 40;
constexpr std::size_t kMaxInterval = 0xFFFF'FFFF;
constexpr std::size_t kMaxPeriodMs = std::size_t{1} << 40;

[[noreturn]] void refuse(const char* name, std::size_t value, const std::string& range) {
  throw std::invalid_argument(std::string(name) + ": " + std::to_string(value) +
                              " (expected: " + range + ")");
}

void require_at_most(const char* name, std::size_t value, std::size_t most) {
  if (value > most) refuse(name, value, "0-" + std::to_string(most));
}

// Reads TARN_ALLOCATOR_<name> into `value`, if it is there and within the range.
template <class T>
void read(const char* name, T& value, std::size_t least, std::size_t most) {
  const auto found = base::env_int(name, static_cast<std::int64_t>(least),
                                   static_cast<std::int64_t>(most), std::to_string(value));
  if (found) value = static_cast<T>(*found);
}

// A power of two cannot be told by a range: checked here with the same warning.
void read_power_of_two(const char* name, std::size_t& value, std::size_t least, std::size_t most) {
  const auto found = base::env_int(name, static_cast<std::int64_t>(least),
                                   static_cast<std::int64_t>(most), std::to_string(value));
  if (!found) return;
  const auto wanted = static_cast<std::size_t>(*found);
  if (wanted == 0 || base::is_power_of_two(wanted)) {
    value = wanted;
  } else {
    base::env_refuse(name, "is not a power of two", std::to_string(value));
  }
}

}  // namespace

std::size_t PooledAllocatorOptions::default_arenas() noexcept {
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const std::size_t memory =
      pages > 0 ? static_cast<std::size_t>(pages) * platform::system_page_size() : kMaxBytes;
  constexpr std::size_t kChunk = sizing::Geometry::kDefaultPageSize
                                 << sizing::Geometry::kDefaultMaxOrder;
  // Netty's rule: with three chunks in each, arenas of a kind take at most half of the memory.
  const std::size_t by_memory = std::max<std::size_t>(1, memory / kChunk / 2 / 3);
  return std::min({2 * processors, by_memory, kMaxArenas});
}

PooledAllocatorOptions PooledAllocatorOptions::from_environment() {
  PooledAllocatorOptions options;
  read("TARN_ALLOCATOR_HEAP_ARENAS", options.heap_arenas, 0, kMaxArenas);
  read("TARN_ALLOCATOR_DIRECT_ARENAS", options.direct_arenas, 0, kMaxArenas);
  read_power_of_two("TARN_ALLOCATOR_PAGE_SIZE", options.page_size, sizing::Geometry::kMinPageSize,
                    sizing::Geometry::kMaxChunkSize);
  read("TARN_ALLOCATOR_MAX_ORDER", options.max_order, 0, sizing::Geometry::kMaxMaxOrder);
  if (!sizing::Geometry::is_valid(options.page_size, options.max_order)) {
    const PooledAllocatorOptions defaults;
    // The one that was set; of both the order, which is the finer step.
    const bool is_order = options.max_order != defaults.max_order;
    const std::string problem =
        "makes chunks of more than 1073741824 bytes with " +
        (is_order ? "pages of " + std::to_string(options.page_size) + " bytes"
                  : "order " + std::to_string(options.max_order));
    base::env_refuse(is_order ? "TARN_ALLOCATOR_MAX_ORDER" : "TARN_ALLOCATOR_PAGE_SIZE", problem,
                     "the default page size and order");
    options.page_size = defaults.page_size;
    options.max_order = defaults.max_order;
  }
  read("TARN_ALLOCATOR_TINY_CACHE_SIZE", options.tiny_cache_size, 0, kMaxCacheSize);
  read("TARN_ALLOCATOR_SMALL_CACHE_SIZE", options.small_cache_size, 0, kMaxCacheSize);
  read("TARN_ALLOCATOR_NORMAL_CACHE_SIZE", options.normal_cache_size, 0, kMaxCacheSize);
  read("TARN_ALLOCATOR_MAX_CACHED_BUFFER_CAPACITY", options.max_cached_buffer_capacity, 0,
       sizing::Geometry::kMaxChunkSize);
  read("TARN_ALLOCATOR_MAX_CACHED_BYTES_PER_THREAD", options.max_cached_bytes_per_thread, 0,
       kMaxBytes);
  read("TARN_ALLOCATOR_MAX_PENDING_BYTES_PER_THREAD", options.max_pending_bytes_per_thread, 0,
       kMaxBytes);
  read("TARN_ALLOCATOR_CACHE_TRIM_INTERVAL", options.cache_trim_interval, 0, kMaxInterval);
  std::size_t period_ms = static_cast<std::size_t>(options.cache_trim_period.count());
  read("TARN_ALLOCATOR_CACHE_TRIM_PERIOD", period_ms, 0, kMaxPeriodMs);
  options.cache_trim_period = std::chrono::milliseconds(period_ms);
  if (const auto all = base::env_bool("TARN_ALLOCATOR_USE_CACHE_FOR_ALL_THREADS", "true")) {
    options.use_cache_for_all_threads = *all;
  }
  read_power_of_two("TARN_ALLOCATOR_DIRECT_ALIGNMENT", options.direct_alignment, 0,
                    platform::system_page_size());
  return options;
}

namespace pool {

void validate(const PooledAllocatorOptions& options) {
  require_at_most("heap_arenas", options.heap_arenas, kMaxArenas);
  require_at_most("direct_arenas", options.direct_arenas, kMaxArenas);
  if (options.page_size < sizing::Geometry::kMinPageSize ||
      !base::is_power_of_two(options.page_size) ||
      options.page_size > sizing::Geometry::kMaxChunkSize) {
    refuse("page_size", options.page_size, "a power of two, 4096-1073741824");
  }
  require_at_most("max_order", options.max_order, sizing::Geometry::kMaxMaxOrder);
  if (!sizing::Geometry::is_valid(options.page_size, options.max_order)) {
    refuse("max_order", options.max_order,
           "page_size << max_order at most 1073741824, page_size is " +
               std::to_string(options.page_size));
  }
  require_at_most("tiny_cache_size", options.tiny_cache_size, kMaxCacheSize);
  require_at_most("small_cache_size", options.small_cache_size, kMaxCacheSize);
  require_at_most("normal_cache_size", options.normal_cache_size, kMaxCacheSize);
  require_at_most("max_cached_buffer_capacity", options.max_cached_buffer_capacity,
                  sizing::Geometry::kMaxChunkSize);
  require_at_most("max_cached_bytes_per_thread", options.max_cached_bytes_per_thread, kMaxBytes);
  require_at_most("max_pending_bytes_per_thread", options.max_pending_bytes_per_thread, kMaxBytes);
  require_at_most("cache_trim_interval", options.cache_trim_interval, kMaxInterval);
  const auto period = options.cache_trim_period.count();
  if (period < 0 || static_cast<std::size_t>(period) > kMaxPeriodMs) {
    throw std::invalid_argument("cache_trim_period: " + std::to_string(period) +
                                " ms (expected: 0-" + std::to_string(kMaxPeriodMs) + ")");
  }
  const std::size_t alignment = options.direct_alignment;
  if (alignment != 0 &&
      (!base::is_power_of_two(alignment) || alignment > platform::system_page_size())) {
    refuse("direct_alignment", alignment,
           "0 or a power of two up to " + std::to_string(platform::system_page_size()));
  }
}

}  // namespace pool
}  // namespace tarn
