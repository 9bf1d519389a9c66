// SPDX-License-Identifier: Apache-2.0
// Making, binding, keeping and closing thread caches. Layer: pool.
#include "pool/thread_caches.hpp"

#include <new>

#include "pool/arena.hpp"
#include "tarn/detail/pool/core.hpp"

namespace tarn::pool {
namespace {

constexpr std::align_val_t kCacheAlignment{alignof(ThreadCache)};

ThreadCache* create_cache(PoolCore& core, std::size_t class_count, std::size_t number) noexcept {
  void* const memory =
      ::operator new(ThreadCache::footprint(class_count), kCacheAlignment, std::nothrow);
  return memory == nullptr ? nullptr : new (memory) ThreadCache(core, class_count, number);
}

ThreadCache* create_cache_or_throw(PoolCore& core, std::size_t class_count) {
  ThreadCache* const cache = create_cache(core, class_count, 0);
  if (cache == nullptr) throw std::bad_alloc();
  return cache;
}

}  // namespace

void ThreadCaches::DestroyCache::operator()(ThreadCache* cache) const noexcept {
  cache->~ThreadCache();
  ::operator delete(cache, kCacheAlignment);
}

Arena* least_used(std::span<Arena* const> arenas) noexcept {
  Arena* least = nullptr;
  for (Arena* const arena : arenas) {
    if (least == nullptr || arena->thread_caches() < least->thread_caches()) least = arena;
  }
  return least;
}

ThreadCaches::ThreadCaches(PoolCore& core, std::span<Arena* const> heap,
                           std::span<Arena* const> direct, std::size_t class_count)
    : core_(core),
      heap_(heap),
      direct_(direct),
      class_count_(class_count),
      nobodys_(create_cache_or_throw(core, class_count)),
      key_(on_thread_exit, this) {}

ThreadCaches::~ThreadCaches() {
  while (all_ != nullptr) {
    ThreadCache* const next = all_->next;
    DestroyCache{}(all_);
    all_ = next;
  }
}

ThreadCache* ThreadCaches::make() noexcept {
  ThreadCache* cache = nullptr;
  {
    const sync::LockGuard guard(registry_);
    if (closed_) return nullptr;
    cache = free_;
    if (cache != nullptr) {
      free_ = cache->next_free;
    } else {
      cache = create_cache(core_, class_count_, made_);
      if (cache == nullptr) return nullptr;
      ++made_;
      cache->next = all_;
      all_ = cache;
    }
    cache->open();
  }
  // Outside of the lock: the exit hook comes from there into the registry.
  try {
    key_.set(cache);
  } catch (...) {
    const sync::LockGuard guard(registry_);
    put_back(*cache, true);
    return nullptr;
  }
  return cache;
}

ThreadCache* ThreadCaches::opened() noexcept {
  ThreadCache* const cache = current();
  return cache != nullptr ? cache : make();
}

ThreadCache* ThreadCaches::bound() noexcept {
  ThreadCache* cache = current();
  if (cache != nullptr && cache->is_bound()) return cache;
  const PooledAllocatorOptions& options = core_.options();
  if (options.max_cached_bytes_per_thread == 0) return nullptr;
  if (!options.use_cache_for_all_threads && !tls::current_thread_is_fast()) return nullptr;
  if (cache == nullptr) cache = make();
  if (cache == nullptr) return nullptr;
  // One thread at a time chooses and counts, so that threads that start together spread evenly.
  const sync::LockGuard guard(registry_);
  if (closed_) return nullptr;
  Arena* const heap = least_used(heap_);
  Arena* const direct = least_used(direct_);
  if (heap != nullptr) heap->bind_thread_cache();
  if (direct != nullptr) direct->bind_thread_cache();
  cache->bind(heap, direct);
  return cache;
}

void ThreadCaches::put_back(ThreadCache& cache, bool called_by_owner) noexcept {
  Arena* const heap = cache.arena(MemoryKind::heap);
  Arena* const direct = cache.arena(MemoryKind::direct);
  if (cache.close(called_by_owner)) {
    if (heap != nullptr) heap->unbind_thread_cache();
    if (direct != nullptr) direct->unbind_thread_cache();
  }
  cache.next_free = free_;
  free_ = &cache;
}

void ThreadCaches::on_thread_exit(void* cache, void* self) noexcept {
  auto& caches = *static_cast<ThreadCaches*>(self);
  const sync::LockGuard guard(caches.registry_);
  // After close_all() there is nothing left to do, whoever calls.
  if (!caches.closed_) caches.put_back(*static_cast<ThreadCache*>(cache), true);
}

void ThreadCaches::close_all() noexcept {
  const sync::LockGuard guard(registry_);
  closed_ = true;
  for (ThreadCache* cache = all_; cache != nullptr; cache = cache->next) put_back(*cache, false);
  free_ =
      nullptr;  // those that were free already have been linked twice; nobody takes one any more
}

}  // namespace tarn::pool
