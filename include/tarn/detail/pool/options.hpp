// SPDX-License-Identifier: Apache-2.0
// The settings of a pool. Layer: pool; part of the public API through tarn/allocator.hpp.
#pragma once

#include <chrono>
#include <cstddef>

namespace tarn {

/// Settings of a PooledAllocator. A bad value is refused by its constructor with
/// std::invalid_argument naming option, value and range.
struct PooledAllocatorOptions {
  /// Arenas of each kind; 0: memory of that kind is not pooled. At most 4096. Default: twice the
  /// processors, fewer when that many arenas of three chunks would pass half of the memory.
  std::size_t heap_arenas = default_arenas();
  std::size_t direct_arenas = default_arenas();
  std::size_t page_size = 8192;  ///< Bytes: a power of two, at least 4096.
  unsigned max_order = 9;        ///< A chunk is page_size << max_order: 0..14, chunk at most 1 GiB.
  /// Regions of each class that a thread keeps, by category; 0: none. At most 2^20.
  std::size_t tiny_cache_size = 512;
  std::size_t small_cache_size = 256;
  std::size_t normal_cache_size = 64;
  std::size_t max_cached_buffer_capacity = 1 << 20;  ///< Bytes; larger classes are not cached.
  /// Bytes that one thread's cache keeps, over all classes and both kinds; 0: no caches.
  std::size_t max_cached_bytes_per_thread = kDefaultMaxCachedBytes;
  /// Bytes that other threads may have returned to a cache and its thread not yet taken back; above
  /// it (0: always) their releases go to the arena at once.
  std::size_t max_pending_bytes_per_thread = kDefaultMaxPendingBytes;
  std::size_t cache_trim_interval =
      8192;  ///< Of a thread's allocations, hits and misses; 0: never.
  /// Caches give up what they did not use for so long, checked whenever any thread takes a slow
  /// path; 0: off.
  std::chrono::milliseconds cache_trim_period{0};
  bool use_cache_for_all_threads = true;  ///< false: only threads with a FastThreadScope have one.
  /// Bytes; 0: 16; else a power of two up to the system page, for every direct region.
  std::size_t direct_alignment = 0;

  /// The defaults, overridden by the environment: TARN_ALLOCATOR_ and the option's name in
  /// capitals, CACHE_TRIM_PERIOD in milliseconds. A value that can't be used: one warning, and the
  /// default.
  [[nodiscard]] static PooledAllocatorOptions from_environment();

  /// The default number of arenas of a kind on this machine, for the default chunk.
  [[nodiscard]] static std::size_t default_arenas() noexcept;

  // Bytes. What a thread keeps begins far below and grows only where misses cost, so this is the
  // end of that growth: 256 live regions of up to 1 MiB miss 24 times in a hundred with 8 MiB and
  // take 138 ns, 13 times with 16 and take 82; no recorded trace comes near
  // (docs/adr/0040-bounds-of-a-thread-cache.md). What may be pending is a quarter of it: regions of
  // 256 KiB that cross between two threads take 200 ns then, 110 to 150 with two and four times as
  // much, 230 with half and 730 with a quarter (medians of three runs that scatter by a half);
  // smaller ones take the same with all of these.
  static constexpr std::size_t kDefaultMaxCachedBytes = std::size_t{16} << 20;
  static constexpr std::size_t kDefaultMaxPendingBytes = std::size_t{4} << 20;
};

namespace pool {

/// Checks every option. @errors std::invalid_argument naming option, value and allowed range.
void validate(const PooledAllocatorOptions& options);

}  // namespace pool
}  // namespace tarn
