// SPDX-License-Identifier: Apache-2.0
// The slow half of PooledAllocator. Layer: buffer.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tarn/allocator.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/log.hpp"

namespace tarn {
namespace {

void log_options(const PooledAllocatorOptions& options) {
  if (!base::log_enabled(LogLevel::debug)) return;
  std::string line = "PooledAllocator:";
  const auto add = [&line](const char* name, const std::string& value) {
    line.append(" ").append(name).append("=").append(value);
  };
  add("heap_arenas", std::to_string(options.heap_arenas));
  add("direct_arenas", std::to_string(options.direct_arenas));
  add("page_size", std::to_string(options.page_size));
  add("max_order", std::to_string(options.max_order));
  add("tiny_cache_size", std::to_string(options.tiny_cache_size));
  add("small_cache_size", std::to_string(options.small_cache_size));
  add("normal_cache_size", std::to_string(options.normal_cache_size));
  add("max_cached_buffer_capacity", std::to_string(options.max_cached_buffer_capacity));
  add("max_cached_bytes_per_thread", std::to_string(options.max_cached_bytes_per_thread));
  add("max_pending_bytes_per_thread", std::to_string(options.max_pending_bytes_per_thread));
  add("cache_trim_interval", std::to_string(options.cache_trim_interval));
  add("cache_trim_period", std::to_string(options.cache_trim_period.count()));
  add("use_cache_for_all_threads", options.use_cache_for_all_threads ? "true" : "false");
  add("direct_alignment", std::to_string(options.direct_alignment));
  base::log(LogLevel::debug, line);
}

}  // namespace

PooledAllocator::PooledAllocator(PooledAllocatorOptions options)
    : PooledAllocator(options, platform::system_memory(), platform::system_memory()) {}

PooledAllocator::PooledAllocator(const PooledAllocatorOptions& options,
                                 const platform::MemorySource& source,
                                 const platform::MemorySource& metadata) {
  pool::validate(options);
  core_ = pool::PoolCore::create(options, source, metadata);
  try {
    log_options(options);
  } catch (...) {
    core_->close();
    throw;
  }
}

PooledAllocator::~PooledAllocator() { core_->close(); }

PooledAllocator& PooledAllocator::shared() {
  // Never destroyed: buffers of it may live in other static objects.
  static PooledAllocator& allocator = *new PooledAllocator;
  return allocator;
}

void PooledAllocator::check_alignment(std::size_t alignment) const {
  const std::size_t chunk = core_->geometry().chunk_size();
  if (base::is_power_of_two(alignment) && alignment <= chunk) return;
  throw std::invalid_argument("alignment: " + std::to_string(alignment) +
                              " (expected: a power of two, 1-" + std::to_string(chunk) + ")");
}

void* PooledAllocator::allocate_aligned(std::size_t size, std::size_t alignment, MemoryKind kind) {
  return take_aligned(size, alignment, kind);
}

void PooledAllocator::deallocate_aligned(void* memory, std::size_t size,
                                         std::size_t alignment) noexcept {
  core_->give_aligned(memory, size, alignment);
}

void* PooledAllocator::reallocate(void* memory, std::size_t old_size, std::size_t new_size,
                                  std::size_t alignment) {
  if (memory == nullptr) return allocate(new_size, alignment);
  if (!is_small_alignment(alignment)) check_alignment(alignment);
  if (void* const resized = core_->resize_near(memory, old_size, new_size, alignment)) {
    return resized;
  }
  pool::Region* const region = core_->plain_region(memory, old_size, alignment);
  if (core_->resize_plain(region, old_size, alignment, new_size)) return memory;
  const MemoryKind kind = region->memory_kind;
  // What grows once mostly grows again.
  pool::Region* const growable =
      new_size > old_size ? core_->take_growable(new_size, alignment, kind, pool::kPlainTag)
                          : nullptr;
  void* const fresh = growable != nullptr ? growable->data : allocate(new_size, alignment, kind);
  std::memcpy(fresh, memory, std::min(old_size, new_size));
  core_->give_plain_region(region);
  return fresh;
}

bool PooledAllocator::trim_current_thread_cache() { return core_->trim_current_thread_cache(); }
std::size_t PooledAllocator::trim_all() { return core_->trim_all(); }
const PooledAllocatorOptions& PooledAllocator::options() const noexcept { return core_->options(); }
PooledAllocatorStats PooledAllocator::stats() const { return core_->stats(); }

void* PooledAllocator::do_allocate(std::size_t size, std::size_t alignment, MemoryKind kind) {
  return allocate(size, alignment, kind);
}

void PooledAllocator::do_deallocate(void* memory, std::size_t size, std::size_t alignment,
                                    MemoryKind /*kind*/) noexcept {
  deallocate(memory, size, alignment);
}

}  // namespace tarn
