// SPDX-License-Identifier: Apache-2.0
// Every thread's cache of one pool: who has which, and which arenas they are bound to. Layer: pool.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "tarn/detail/pool/thread_cache.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {

class Arena;
class PoolCore;

/// The arena with the fewest thread caches, ties to the lowest index; null when there is none.
[[nodiscard]] Arena* least_used(std::span<Arena* const> arenas) noexcept;

/// A thread-local ThreadCache that belongs to a pool. A thread's first allocation binds it to the
/// least used arena of each kind; its end empties the cache and keeps it for the next thread.
///
/// Thread safety: every member, from any thread.
class ThreadCaches {
 public:
  /// @pre the arenas outlive this. @errors std::bad_alloc.
  ThreadCaches(PoolCore& core, std::span<Arena* const> heap, std::span<Arena* const> direct,
               std::size_t class_count);
  /// @pre close_all() was called.
  ~ThreadCaches();
  ThreadCaches(const ThreadCaches&) = delete;
  ThreadCaches& operator=(const ThreadCaches&) = delete;

  /// Index of the slot that leads to the calling thread's cache.
  [[nodiscard]] std::size_t key_index() const noexcept { return key_.index(); }
  /// The calling thread's cache, bound or not; null when it has none.
  [[nodiscard]] ThreadCache* current() const noexcept {
    return static_cast<ThreadCache*>(tls::slot_get(key_.index()));
  }

  /// The calling thread's cache, made and bound if need be.
  /// @returns null when the thread may not have one, the pool is closed, or memory is refused.
  [[nodiscard]] ThreadCache* bound() noexcept;
  /// The calling thread's cache, made if need be, for releases only.
  /// @returns as bound().
  [[nodiscard]] ThreadCache* opened() noexcept;

  /// Empties and closes all of them for good; no thread gets one afterwards.
  void close_all() noexcept;

  /// Visits every cache that was ever made, under the registry's lock.
  template <class F>
  void for_each(F&& f) {
    const sync::LockGuard guard(registry_);
    for (ThreadCache* cache = all_; cache != nullptr; cache = cache->next) f(*cache);
  }
  /// The home of regions that belong to no thread's cache: never opened.
  [[nodiscard]] ThreadCache& nobodys() noexcept { return *nobodys_; }

 private:
  struct DestroyCache {
    void operator()(ThreadCache* cache) const noexcept;
  };

  static void on_thread_exit(void* cache, void* self) noexcept;
  [[nodiscard]] ThreadCache* make() noexcept;
  void put_back(ThreadCache& cache, bool called_by_owner) noexcept TARN_REQUIRES(registry_);

  PoolCore& core_;
  const std::span<Arena* const> heap_;
  const std::span<Arena* const> direct_;
  const std::size_t class_count_;
  sync::Mutex registry_{sync::LockRank::registry};
  ThreadCache* all_ TARN_GUARDED_BY(registry_) = nullptr;
  ThreadCache* free_ TARN_GUARDED_BY(registry_) = nullptr;
  std::size_t made_ TARN_GUARDED_BY(registry_) = 0;  // caches in `all_`
  bool closed_ TARN_GUARDED_BY(registry_) = false;
  const std::unique_ptr<ThreadCache, DestroyCache> nobodys_;
  tls::Key key_;
};

}  // namespace tarn::pool
