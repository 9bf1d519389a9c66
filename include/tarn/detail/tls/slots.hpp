// SPDX-License-Identifier: Apache-2.0
// The slot array of each thread, and the keys that own an index into all of them. Layer: tls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/mutex.hpp"

namespace tarn::tls {

/// All the static TLS that tarn has, three words, so that a shared object with tarn in it finds
/// room when it is loaded late (the C library keeps little: about 1.6 KiB for all such objects).
/// Only the owning thread reads and writes them. In one object, so that one address leads to all.
struct ThreadWords {
  // Before the thread's first value and after its last, an array of nulls that all such threads
  // share, and 0. Slot 0 is no key's: null in every thread. A slot is written by its owner (value:
  // release), and by a key's destructor (null: under the registry's lock); it is read by its owner,
  // and under the registry's lock by anyone (acquire).
  sync::Atomic<void*>* slots;
  std::size_t slot_count = 0;
  // For recyclers: the home of the object that the thread has brought back last by a handle, which
  // may be gone. Atomic, as a compiler may keep its address across a switch of fibres; relaxed, as
  // it publishes nothing.
  sync::Atomic<const void*> last_home{nullptr};
};
extern constinit thread_local ThreadWords t_words [[gnu::tls_model("initial-exec")]];

/// This thread's value at `index`; null when unset or never used.
/// @complexity four loads, two predicted branches.
[[nodiscard]] inline void* slot_get(std::size_t index) noexcept {
  if (index >= t_words.slot_count) [[unlikely]]
    return nullptr;
  // Relaxed: it is this thread's own store that is read, or a null that publishes nothing.
  return t_words.slots[index].load_relaxed();
}

/// Slots that every thread's array has at least: 256 bytes; a program with more instances grows it
/// once.
inline constexpr std::size_t kNearSlots = 32;

/// As slot_get(), for an index below kNearSlots; at 0 it is null. @complexity two loads.
[[nodiscard]] inline void* slot_get_near(std::size_t index) noexcept {
  // Relaxed: as in slot_get().
  return t_words.slots[index].load_relaxed();
}

/// Names the calling thread: unique among living threads, and the same all its life.
[[nodiscard]] inline const void* thread_token() noexcept { return &t_words; }

/// Values that the calling thread has.
/// @complexity O(slots of this thread).
[[nodiscard]] std::size_t thread_value_count() noexcept;

/// Removes all values of the calling thread, those that are made meanwhile included.
///
/// What a callback throws does not keep the others from being removed; the first is thrown at last.
void remove_all_values();

/// Whether the calling thread is marked as a fast one.
[[nodiscard]] bool current_thread_is_fast() noexcept;
/// Marks the calling thread, once more. @errors std::bad_alloc.
void enter_fast_scope();
/// Takes one mark back.
void leave_fast_scope() noexcept;

struct Frame;
class Registry;

/// Owns an index: every thread has one slot at it, that holds a pointer or null.
///
///     slot: null --set--> value --take, remove, thread exit, ~Key--> null
///
/// The index goes to a later Key only after every thread's slot is null again, so no thread ever
/// sees a value of a former one. Threads may end while the Key is destroyed: each value is claimed,
/// under the registry's lock, by one of the two, and the destructor waits for removals that an
/// ending thread has begun.
///
/// Thread safety: get, set, take, remove, for_each: any thread, each for its own slot. The
/// destructor: no thread may be using the Key, but threads may be ending.
class Key {
 public:
  /// `on_remove` gets each value that ends (thread exit, remove_all_values, ~Key, remove);
  /// `on_discard` gets it instead after `kMaxRounds` rounds of removals that made new values. Both
  /// are called without a lock, by the ending thread or the one that destroys the Key.
  using Callback = void (*)(void* value, void* context);

  /// Rounds a removal: what a removal makes is removed in the next round. As many again then go
  /// by `on_discard`; a destructor that still makes values has its last ones left.
  static constexpr int kMaxRounds = 8;

  /// @errors std::bad_alloc; std::length_error when there are too many keys.
  Key(Callback on_remove, void* context) : Key(on_remove, on_remove, context) {}
  Key(Callback on_remove, Callback on_discard, void* context);
  ~Key();
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  [[nodiscard]] std::size_t index() const noexcept { return index_; }

  /// This thread's value or null.
  [[nodiscard]] void* get() const noexcept { return slot_get(index_); }

  /// Makes room for this thread's value, so that set() cannot fail. @errors std::bad_alloc.
  void reserve() const {
    if (index_ >= t_words.slot_count) [[unlikely]]
      reserve_slow();
  }

  /// Stores this thread's value. @pre value is not null.
  ///
  /// @returns the one before, which is the caller's to end and in no for_each any more; else null.
  /// @errors std::bad_alloc, unless reserve() was called.
  void* set(void* value);

  /// Empties this thread's slot. @returns what was in it, as for set().
  [[nodiscard]] void* take() noexcept;

  /// Takes this thread's value and hands it to the callback; throws what that throws.
  void remove();

  /// Calls `f(void* value)` for every thread's value, under this Key's lock: no value ends
  /// meanwhile, while its owner may be using it. `f` may use other keys; not this one.
  template <class F>
  void for_each(F&& f) {
    const sync::LockGuard lock(visiting_);
    Batch batch;
    while (collect(batch)) {
      for (std::size_t i = 0; i < batch.count; ++i) f(batch.values[i]);
    }
  }

 private:
  friend class Registry;
  friend class Removal;

  /// Some threads' values, and how far the list of threads has been gone through. Fixed in size, so
  /// that visiting needs no memory.
  struct Batch {
    static constexpr std::size_t kCapacity = 32;
    std::array<void*, kCapacity> values;
    std::size_t count = 0;
    std::uint64_t last_thread = 0;
  };

  [[gnu::cold, gnu::noinline]] void reserve_slow() const;
  [[nodiscard]] bool collect(Batch& batch) const noexcept;
  void end_values(const Batch& batch, int round) const;
  void wait_for_visitors() noexcept;

  const Callback remove_;
  const Callback discard_;
  void* const context_;
  std::size_t index_;
  // Held while for_each calls its function.
  sync::Mutex visiting_{sync::LockRank::callback};
  // Ending threads that are in a callback of this Key; under the registry's lock.
  std::size_t removals_ = 0;
};

/// One call of a user's function about a Key, on the stack of the thread that is in it: what lets
/// a thread notice that `initial` gets its own instance, or that a callback destroys it.
struct Frame {
  enum class Kind : std::uint8_t { making, removing };

  /// @errors making: std::bad_alloc, and std::logic_error when this thread is making this Key's
  /// value already. removing: none, since a thread with a value has a place for it.
  Frame(const Key& key, Kind kind);
  ~Frame();
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  const Key* const key;
  const Kind kind;
  Frame* outer = nullptr;
};

}  // namespace tarn::tls
