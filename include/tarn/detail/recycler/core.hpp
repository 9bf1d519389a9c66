// SPDX-License-Identifier: Apache-2.0
// What a Recycler<T> is, apart from T. Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tarn/detail/recycler/local_pool.hpp"
#include "tarn/detail/recycler/options.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/recycler/stats.hpp"
#include "tarn/detail/recycler/thread_pointer.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::recycler {

class Pin;
class SharedQueue;

/// The pools of one recycler, and how its objects are made and destroyed.
///
/// Outlives the Recycler until the last object is destroyed: each pool holds a reference. The lock
/// guards the list of pools and everything that is done to a pool from outside its owner's gate;
/// no user code runs under it, and no owner waits for it inside a gate.
///
///     per_thread: a LocalPool a thread, in the slot of `key_`; ends with the slot's value
///     pinned:     `single_`, closed at the end of its thread unless unpinned
///     shared:     `single_` counts, `shared_` holds what waits
///
/// Thread safety: any thread, but end() and what can find an object: see Recycler.
class Core {
 public:
  /// Of the objects' type.
  struct Type {
    std::size_t size;
    std::size_t alignment;
    void (*destroy)(void* object) noexcept;
    bool keeps_handles;  ///< the objects know their handles
  };

  /// @errors std::bad_alloc; std::length_error when there are too many thread-locals.
  [[nodiscard]] static Core* make(const RecyclerOptions& wanted, const Type& type);

  /// The Recycler's end: destroys what waits; what is out is destroyed when it is recycled.
  void end() noexcept;

  struct Taken {
    void* object;
    bool is_new;  // memory only: to be constructed, or abandoned
  };
  /// The next waiting object, or memory for a new one. @errors std::bad_alloc.
  [[nodiscard]] Taken take();
  /// Frees memory from take() in which no object could be made.
  void abandon(void* object) noexcept;
  /// Puts an object where it belongs, or destroys it. @pre its state says that it waits.
  void put(void* object) noexcept;
  /// Puts an object of `home` there by another thread, without looking at it. @returns false when
  /// that way is not open: nothing has changed.
  [[nodiscard]] bool put_unmarked(Home& home, void* object) noexcept;
  /// Destroys an object that its pool has refused.
  void drop(void* object, PutResult why) noexcept;

  /// As begin_by_hand(Home&). @complexity the first time for a pool: its lock, and a system call
  /// when the pool is another thread's.
  void begin_by_hand(Home& home) noexcept;

  std::size_t trim() noexcept;
  std::size_t trim_all() noexcept;
  void unpin_owner() noexcept;
  [[nodiscard]] std::size_t thread_local_size() const noexcept;
  [[nodiscard]] RecyclerStats stats() const;
  [[nodiscard]] RecyclerStats thread_local_stats() const;
  /// Checks the invariants of every pool, and that the numbers add up; fatal when not. @pre no
  /// thread is inside the recycler.
  void audit() const;

  [[nodiscard]] const RecyclerOptions& options() const noexcept { return options_; }
  [[nodiscard]] bool is_checked() const noexcept { return options_.guard == Guard::checked; }
  /// The slot of this thread's pool; beyond all slots for the other forms.
  [[nodiscard]] std::size_t key_index() const noexcept { return key_index_; }
  /// The pool of a pinned recycler, else null.
  [[nodiscard]] LocalPool* pinned_pool() const noexcept {
    return options_.form == RecyclerForm::pinned ? single_ : nullptr;
  }

  // For pools.
  void wait_for_revoker() noexcept;
  /// Gives or takes the batch of the calling thread's pool, if its FastThreadScope says so.
  void follow_fast_scope(LocalPool& pool) noexcept;
  void count_dropped_without_memory() noexcept { dropped_without_memory_.add(1); }
  /// Ends a pool whose objects are all gone; perhaps the core with it.
  void retire(LocalPool& pool) noexcept;

  // For Pin.
  void add_reference() noexcept { references_.fetch_add_relaxed(1); }
  void drop_reference() noexcept;
  /// The end of the thread that a pinned recycler belongs to.
  void end_owner() noexcept;

 private:
  static constexpr std::size_t kNoIndex = ~std::size_t{0};

  Core(const RecyclerOptions& options, const Type& type);
  ~Core();

  static void end_pool_of_thread(void* pool, void* core) noexcept;

  /// The calling thread's pool, if it has one yet; the only pool of the other forms.
  [[nodiscard]] LocalPool* pool_here() const noexcept {
    return is_per_thread() ? static_cast<LocalPool*>(tls::slot_get(key_index_)) : single_;
  }
  /// Whether the calling thread is the pool's owner.
  [[nodiscard]] bool is_mine(const LocalPool& pool) const noexcept {
    if (is_per_thread()) return tls::slot_get(key_index_) == &pool;
    return pinned_to_.load_relaxed() == thread_pointer();
  }
  [[nodiscard]] LocalPool& make_pool(HomeKind kind);
  [[nodiscard]] LocalPool& make_pool_here();
  [[nodiscard]] void* take_shared() noexcept;
  [[nodiscard]] void* make_slot(LocalPool& pool);
  [[nodiscard]] PutResult put_local(LocalPool& pool, void* object) noexcept;
  void take_everything(LocalPool& pool, SlotList& list) noexcept TARN_REQUIRES(mutex_);
  void close(LocalPool& pool, bool by_owner, SlotList& list) noexcept TARN_REQUIRES(mutex_);
  void cut_link(LocalPool& pool) noexcept;
  void destroy(void* object) noexcept;
  void destroy_all(const SlotList& list) noexcept;
  [[nodiscard]] bool is_shared() const noexcept { return options_.form == RecyclerForm::shared; }
  [[nodiscard]] bool is_per_thread() const noexcept {
    return options_.form == RecyclerForm::per_thread;
  }
  [[nodiscard]] RecyclerStats to_stats(const LocalPool::Counts& counts) const noexcept;

  const RecyclerOptions options_;
  const SlotLayout layout_;
  void (*const destroy_)(void*) noexcept;
  const bool keeps_handles_;
  mutable sync::Mutex mutex_{sync::LockRank::recycler};
  std::vector<LocalPool*> pools_ TARN_GUARDED_BY(mutex_);
  LocalPool::Counts retired_ TARN_GUARDED_BY(mutex_){};  // of pools that are gone
  sync::SharedCounter dropped_closed_;
  sync::SharedCounter dropped_without_memory_;
  // The Recycler, each pool, an ending thread. [sync: core-references]
  sync::Atomic<std::size_t> references_{1};
  LocalPool* single_ = nullptr;
  std::unique_ptr<SharedQueue> shared_;
  std::unique_ptr<Pin> pin_;
  // Thread pointer of the thread that a pinned recycler belongs to; 0: none any more.
  sync::Atomic<std::uintptr_t> pinned_to_{0};
  std::optional<tls::Key> key_;
  // The key's, for those who recycle while end() destroys the key: a slot that has been cleared, or
  // is somebody else's by then, holds none of this core's pools.
  std::size_t key_index_ = kNoIndex;
};

}  // namespace tarn::recycler
