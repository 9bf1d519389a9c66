// SPDX-License-Identifier: Apache-2.0
// The slow half of the allocators. Layer: buffer.
#include "tarn/allocator.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "buffer/allocator_access.hpp"
#include "tarn/detail/base/log.hpp"
#include "tarn/detail/buffer/foreign.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {
namespace {

/// A region of a user's allocator.
struct UsersRegion : detail::ForeignBlock {
  Allocator* allocator = nullptr;
};

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

// --- Allocator -----------------------------------------------------------------------------------

std::size_t Allocator::next_capacity(std::size_t min_new, std::size_t max) const {
  return detail::next_capacity(min_new, max);
}

void Allocator::throw_bad_alloc() { throw std::bad_alloc(); }

pool::Region* Allocator::take_unpooled(std::size_t size, MemoryKind kind) noexcept {
  try {
    if (form_ == Form::unpooled) return detail::make_unpooled_region(size);
    return detail::AllocatorAccess::take_of_user(*this, size, kind);
  } catch (...) {
    return nullptr;
  }
}

namespace detail {

pool::Region* AllocatorAccess::take_of_user(Allocator& allocator, std::size_t size,
                                            MemoryKind kind) {
  auto* const region = new UsersRegion;
  region->capacity = size == 0 ? 1 : size;
  region->memory_kind = kind;
  region->allocator = &allocator;
  region->dispose = [](pool::ForeignRegion* self) noexcept {
    auto* const users = static_cast<UsersRegion*>(self);
    users->allocator->do_deallocate(users->data, users->capacity, kAlignment, users->memory_kind);
    delete users;
  };
  region->take_like = [](const pool::ForeignRegion* self, std::size_t wanted) {
    return take_of_user(*static_cast<const UsersRegion*>(self)->allocator, wanted,
                        self->memory_kind);
  };
  try {
    region->data =
        static_cast<std::byte*>(allocator.do_allocate(region->capacity, kAlignment, kind));
  } catch (...) {
    delete region;
    throw;
  }
  region->refs.store_relaxed(1);  // nobody else has the address yet
  return region;
}

}  // namespace detail

// --- PooledAllocator -----------------------------------------------------------------------------

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

// --- UnpooledAllocator, PoolResource -------------------------------------------------------------

UnpooledAllocator& UnpooledAllocator::shared() {
  static UnpooledAllocator& allocator = *new UnpooledAllocator;
  return allocator;
}

void* UnpooledAllocator::do_allocate(std::size_t size, std::size_t alignment, MemoryKind /*kind*/) {
  return ::operator new (size, std::align_val_t{alignment});
}

void UnpooledAllocator::do_deallocate(void* memory, std::size_t /*size*/, std::size_t alignment,
                                      MemoryKind /*kind*/) noexcept {
  ::operator delete (memory, std::align_val_t{alignment});
}

bool PoolResource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
  const auto* const pool = dynamic_cast<const PoolResource*>(&other);
  return pool != nullptr && pool->allocator_ == allocator_ && pool->kind_ == kind_;
}

}  // namespace tarn
