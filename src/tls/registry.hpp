// SPDX-License-Identifier: Apache-2.0
// All threads that have slots, and all keys: what the two need to find each other. Layer: tls.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/tls/slots.hpp"
#include "tls/key_table.hpp"

namespace tarn::tls {

using Slot = sync::Atomic<void*>;

/// What is known of a thread that has slots. Made at its first value or scope, gone at its end.
///
/// Thread safety: `frames`, `fast_scopes`: the thread itself. The rest: under the registry's lock;
/// the thread itself may read `slots` and `slot_count` without, since only it changes them.
struct ThreadRecord {
  std::uint64_t id = 0;  // ascending in the list, never used again
  Slot* slots = nullptr;
  std::size_t slot_count = 0;
  ThreadRecord* previous = nullptr;
  ThreadRecord* next = nullptr;
  Frame* frames = nullptr;
  std::size_t fast_scopes = 0;
};

/// The record of the calling thread; null when it has no slots.
[[nodiscard]] ThreadRecord* current_record() noexcept;

/// Slots that an array needs that has one at `index`: a power of two, at least 32.
[[nodiscard]] std::size_t slots_for(std::size_t index) noexcept;

/// The list of thread records and the table of keys, under one lock.
///
/// Constant-initialised and never destroyed: threads and static objects use it before main and
/// after exit.
///
/// Thread safety: any thread.
class Registry {
 public:
  constexpr Registry() noexcept = default;

  /// Gives the key an index. @errors std::bad_alloc, std::length_error.
  [[nodiscard]] std::size_t add_key(Key& key);

  /// What take_values found: a batch; nothing after `last_thread`; nothing in any thread.
  enum class Taken : std::uint8_t { some, none_further, none_at_all };

  /// Takes up to a batch of the key's values out of the threads' slots, in the order of threads
  /// from `batch.last_thread` on; waits for removals in progress first. When a walk from the first
  /// thread finds none, the index is free for another key, and the key must not come back.
  [[nodiscard]] Taken take_values(Key& key, Key::Batch& batch) noexcept;

  /// Reads up to a batch of the key's values, as take_values does.
  [[nodiscard]] bool read_values(const Key& key, Key::Batch& batch) noexcept;

  /// Makes the calling thread's array reach `index`. @errors std::bad_alloc.
  void grow_slots(std::size_t index);

  /// Claims the calling thread's value at `index` for removal.
  /// @returns its key, which stays until end_removal; null when the slot is empty.
  [[nodiscard]] Key* begin_removal(std::size_t index, void*& value) noexcept;
  void end_removal(Key& key) noexcept;

  /// Ends the calling thread's record, unless a slot of it is still set.
  void remove_current_thread() noexcept;

  /// Threads that have slots now.
  [[nodiscard]] std::size_t thread_count() noexcept;

  /// Checks the list of threads, and that every value's index has a key; fatal otherwise.
  void audit() noexcept;

 private:
  template <class Visit>
  void walk(std::size_t index, Key::Batch& batch, Visit visit) noexcept TARN_REQUIRES(mutex_);

  sync::Mutex mutex_{sync::LockRank::tls};
  sync::Condition removal_ended_;
  KeyTable keys_ TARN_GUARDED_BY(mutex_);
  ThreadRecord* first_ TARN_GUARDED_BY(mutex_) = nullptr;
  ThreadRecord* last_ TARN_GUARDED_BY(mutex_) = nullptr;
  std::uint64_t last_id_ TARN_GUARDED_BY(mutex_) = 0;
};

[[nodiscard]] Registry& registry() noexcept;

}  // namespace tarn::tls
