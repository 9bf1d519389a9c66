// SPDX-License-Identifier: Apache-2.0
// One thread's part of a recycler, and what an object knows of where it goes back to.
// Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "tarn/detail/recycler/hot_slot.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/recycler/thread_pointer.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::recycler {

class Core;
class LocalPool;
class Returned;
struct Inbox;

enum class HomeKind : std::uint8_t {
  local,   ///< a LocalPool of a thread
  shared,  ///< the LocalPool of a shared recycler, which only counts
  noop,    ///< a NoopHome: the object is destroyed when it is recycled
};

/// How the objects of a home come back.
enum class ByHand : std::uint8_t {
  never,  ///< by a Recycled's end only: nobody else could bring one back
  begun,  ///< also by other ways, so each way looks at the state; some that wait may be unmarked
  kept,   ///< the same, and all that wait are marked
};

/// What an object refers to: who may put it back without more ado, and where everybody else looks.
///
/// Both owner words are 0, no thread's pointer, while nobody may. Two words instead of one word and
/// a flag, so that the thread that owns an unchecked pool needs one comparison.
struct Home {
  Home(Core& its_core, HomeKind its_kind) noexcept
      : core(&its_core),
        kind(its_kind),
        by_hand(its_kind == HomeKind::local ? ByHand::never : ByHand::kept) {}
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  // The thread pointer of the thread with the batch. Written under the core's lock. Relaxed: a
  // thread can only mistake itself for another, and its own view of itself is never stale.
  sync::Atomic<std::uintptr_t> unchecked_owner{0};
  sync::Atomic<std::uintptr_t> checked_owner{0};
  Core* const core;
  const HomeKind kind;
  // Only ever moves on. `kept` from the start when the objects know their handles, and in homes
  // that are no thread's; else from the first recycle(T&) on (Core::begin_by_hand). Whose Recycled
  // ends and does not see it yet finds its way closed. [sync: by-hand] Release; acquire by
  // recycle(T&): all that waits is marked.
  sync::Atomic<ByHand> by_hand;
};

/// Where objects go that are not to be pooled: to the counters of the pool that made them.
struct NoopHome : Home {
  NoopHome(Core& its_core, LocalPool& its_pool) noexcept
      : Home(its_core, HomeKind::noop), pool(&its_pool) {}
  LocalPool* const pool;
};

/// Logs that an object was in its pool twice.
void report_taken_twice() noexcept;

/// One thread's stock of waiting objects, and the counters of all objects it has made.
///
///     the owner's, newest first                   everybody's
///     hot slot ── array ──spill──> stock <──take over── list  <─.
///     '------ batch ------' <──refill─────────────────  cells <── return box <── other threads
///
/// The batch holds at most chunk_size objects; stock and return box together at most
/// max_capacity_per_thread, reserved before anything goes there. Array, and Inbox with stock and
/// box, are made when they are first needed.
///
/// The owner's part is used by plain accesses, inside the gate (the hot slot: by its own rules). A
/// revoker, under the core's lock, keeps the owner out and then has all of it.
///
/// Lives until its last object is destroyed: `live_` counts down for each object from 0 on, so it
/// is minus the number destroyed, until the pool is closed and the number created (and one for the
/// link from its thread or recycler) is added; whoever then brings it to 0 ends the pool.
///
/// Thread safety: pop, push, take_slow, put_slow: the owner. revoke, restore, take_everything,
/// close: under the core's lock. The rest: any thread.
class LocalPool : public Home {
 public:
  /// Bytes of a pool whose thread has nothing waiting and got nothing back from others.
  static constexpr std::size_t kUnusedBytes = 120;

  LocalPool(Core& its_core, HomeKind its_kind) noexcept : Home(its_core, its_kind) {}
  ~LocalPool();

  // Two cache lines: what other threads read at each operation, and what the owner writes.
  static void* operator new(std::size_t size) {
    return ::operator new (size, std::align_val_t{64});
  }
  static void operator delete(void* memory) noexcept {
    ::operator delete (memory, std::align_val_t{64});
  }

  /// The newest object, if it is in the hot slot.
  [[nodiscard]] void* pop() noexcept { return hot_.pop(); }
  /// @returns false when the hot slot is occupied, or not to be used now.
  [[nodiscard]] bool push(void* object) noexcept { return hot_.push(object); }

  /// The next object that waits, and is now out; null when none does or the pool is closed.
  [[nodiscard]] void* take_slow() noexcept;
  /// Makes `object` the newest that waits.
  [[nodiscard]] PutResult put_slow(void* object) noexcept;
  /// Puts `object` into the return box. @param by_other whether the thread is not the owner.
  [[nodiscard]] PutResult put_in_box(void* object, bool by_other) noexcept;
  /// The same by another thread, and without a look at the object, whose state still says that it
  /// is out. @returns what is not `stored` when that way is not open.
  [[nodiscard]] PutResult put_unmarked(void* object) noexcept;

  /// Counts a new object's step. @returns whether the object is to be pooled.
  [[nodiscard]] bool step_ratio(std::uint32_t ratio) noexcept;
  /// Where this pool's objects go that are not pooled. @errors std::bad_alloc.
  [[nodiscard]] NoopHome* noop_home();

  void count_created(bool by_many) noexcept;
  /// Undoes count_created().
  void count_not_created(bool by_many) noexcept;
  /// Counts objects that ended while they waited elsewhere. @pre under the core's lock.
  void count_ended(std::size_t count) noexcept { ended_.add(count); }
  /// One of the pool's objects is no more. May end the pool.
  void release() noexcept;

  /// Whether the owner has a batch. Written under the core's lock.
  [[nodiscard]] bool has_batch() const noexcept {
    return (unchecked_owner.load_relaxed() | checked_owner.load_relaxed()) != 0;
  }
  /// @pre under the core's lock, the owner outside.
  void open_batch(std::uintptr_t owner, bool checked) noexcept;
  /// Closes the way of put_unmarked(), and marks what has come by it. Keeps the owner out of the
  /// return box meanwhile, but leaves it its batch. @returns false when memory is refused: nothing
  /// has changed. @pre under the core's lock, open.
  [[nodiscard]] bool end_unmarked(bool by_owner) noexcept;
  /// What is in the batch stays waiting. @pre revoked; `hot` is what revoke() returned.
  /// @returns `hot` if there is no place left for it.
  [[nodiscard]] void* end_batch(void* hot) noexcept;

  /// Keeps the owner out. @returns what was in the hot slot. @pre under the core's lock.
  [[nodiscard]] void* revoke(bool by_owner) noexcept;
  void restore() noexcept;
  /// Adds all that waits to `list`. @pre revoked; `hot` is what revoke() returned.
  void take_everything(void* hot, SlotList& list) noexcept;
  /// Takes all that waits, and lets nothing in any more. @pre under the core's lock, open.
  void close(bool by_owner, SlotList& list) noexcept;
  /// Whether the pool has ended. Final once true; false may be stale.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load_relaxed() != 0; }

  [[nodiscard]] std::size_t waiting() const noexcept;

  struct Counts {
    std::uint64_t created, reused, destroyed, ended, dropped_full, returned_by_others;

    void add(const Counts& more) noexcept {
      created += more.created;
      reused += more.reused;
      destroyed += more.destroyed;
      ended += more.ended;
      dropped_full += more.dropped_full;
      returned_by_others += more.returned_by_others;
    }
  };
  /// @pre under the core's lock.
  [[nodiscard]] Counts counts() const noexcept;

  /// Checks the invariants; fatal when one is broken. @pre under the core's lock, the pool at rest.
  void audit() const noexcept;

  /// Says that the pool's thread, or recycler, does not know it any more. @pre under the lock.
  /// @returns whether the pool's last object is gone too: the caller retires the pool.
  [[nodiscard]] bool cut_link() noexcept;

 private:
  void audit_waiting(void* object) const noexcept;
  [[nodiscard]] bool wait_and_enter() noexcept;
  [[nodiscard]] void* take_inside() noexcept;
  [[nodiscard]] PutResult put_inside(void* object) noexcept;
  [[nodiscard]] PutResult put_newest(void* object) noexcept;
  [[nodiscard]] PutResult put_when_full(void* object) noexcept;
  void take_one(void* object, SlotList& list) const noexcept;
  void take_returned(Returned returned, SlotList& list) const noexcept;
  std::size_t take_list(Slot* slots, SlotList& list) const noexcept;
  [[nodiscard]] bool is_waiting(void* object) const noexcept;
  [[nodiscard]] bool make_array() noexcept;
  [[nodiscard]] bool make_room() noexcept;
  [[nodiscard]] void* marked(Returned returned) const noexcept;
  [[nodiscard]] std::uint32_t refill() noexcept;
  [[nodiscard]] std::uint32_t refill_from_stock(Inbox& inbox) noexcept;
  [[nodiscard]] void* take_single() noexcept;
  [[nodiscard]] Inbox* inbox() noexcept;
  [[nodiscard]] std::size_t array_capacity() const noexcept;

  // -- read by all, written seldom
  sync::Atomic<std::uint8_t> closed_{0};
  bool is_linked_ = true;          // under the core's lock
  std::uint32_t new_objects_ = 0;  // the owner's: since the last that was pooled
  // Objects that ended while they waited: by trims and by close(). Under the core's lock.
  sync::Counter ended_;
  // Null until needed, no_inbox() when it must not be made any more.
  // [sync: inbox] Release by whoever makes it, acquire by the others.
  sync::Atomic<Inbox*> inbox_{nullptr};
  sync::Atomic<std::int64_t> live_{0};
  sync::Atomic<std::uint64_t> created_{0};
  // -- written by the owner
  HotSlot hot_;
  void** array_ = nullptr;
  sync::Atomic<std::uint32_t> array_size_{0};  // read by others for their statistics only
  sync::OwnerGate gate_;
  sync::Counter taken_slowly_;
};

static_assert(sizeof(LocalPool) <= LocalPool::kUnusedBytes);

inline LocalPool& pool_of(Home& home) noexcept {
  return home.kind == HomeKind::noop ? *static_cast<NoopHome&>(home).pool
                                     : static_cast<LocalPool&>(home);
}

}  // namespace tarn::recycler
