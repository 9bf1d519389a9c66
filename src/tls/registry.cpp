// SPDX-License-Identifier: Apache-2.0
// Threads' slot arrays: made, grown, gone through by keys, ended. Layer: tls.
#include "tls/registry.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/thread_exit.hpp"
#include "tls/removal.hpp"

namespace tarn::tls {
namespace {

// A slot array is preceded by its thread's record, so that two words of static TLS lead to it all.
struct ArrayHeader {
  ThreadRecord* record;
};
static_assert(sizeof(ArrayHeader) % alignof(Slot) == 0);

[[nodiscard]] ArrayHeader* header_of(Slot* slots) noexcept {
  return reinterpret_cast<ArrayHeader*>(slots) - 1;
}

[[nodiscard]] Slot* make_slots(ThreadRecord* record, std::size_t count) {
  void* const memory = ::operator new(sizeof(ArrayHeader) + count * sizeof(Slot));
  auto* const header = ::new (memory) ArrayHeader{record};
  auto* const slots = reinterpret_cast<Slot*>(header + 1);
  std::uninitialized_value_construct_n(slots, count);
  return slots;
}

void free_slots(Slot* slots) noexcept {
  if (slots != nullptr) ::operator delete(header_of(slots));
}

// The first key's: slot 0 stays null, for who must look into some slot and find nothing there.
constexpr std::size_t kFirstIndex = 1;

constinit Registry the_registry;

// The slots of every thread without a value; never written.
constinit std::array<Slot, kNearSlots> no_slots;

}  // namespace

constinit thread_local ThreadWords t_words [[gnu::tls_model("initial-exec")]]{no_slots.data()};

Registry& registry() noexcept { return the_registry; }

ThreadRecord* current_record() noexcept {
  return t_words.slot_count == 0 ? nullptr : header_of(t_words.slots)->record;
}

std::size_t slots_for(std::size_t index) noexcept {
  return std::max(kNearSlots, std::bit_ceil(index + 1));
}

std::size_t Registry::add_key(Key& key) {
  const sync::LockGuard lock(mutex_);
  return kFirstIndex + keys_.add(key);
}

/// Calls `visit(slot)` for the threads after `batch.last_thread`, until the batch is full.
template <class Visit>
void Registry::walk(std::size_t index, Key::Batch& batch, Visit visit) noexcept {
  batch.count = 0;
  for (ThreadRecord* record = first_; record != nullptr; record = record->next) {
    if (record->id <= batch.last_thread || index >= record->slot_count) continue;
    if (batch.count == Key::Batch::kCapacity) return;
    batch.last_thread = record->id;
    // [sync: tls-slot] Acquire: what the owner wrote into the value before it set it is seen.
    void* const value = record->slots[index].load_acquire();
    if (value == nullptr) continue;
    batch.values[batch.count++] = value;
    visit(record->slots[index]);
  }
}

bool Registry::read_values(const Key& key, Key::Batch& batch) noexcept {
  const sync::LockGuard lock(mutex_);
  walk(key.index_, batch, [](const Slot&) {});
  return batch.count != 0;
}

Registry::Taken Registry::take_values(Key& key, Key::Batch& batch) noexcept {
  const sync::LockGuard lock(mutex_);
  while (key.removals_ != 0) removal_ended_.wait(mutex_);
  const bool from_first = batch.last_thread == 0;
  // Relaxed: a null publishes nothing, and the owner sees it by what lets it use a later key.
  walk(key.index_, batch, [](Slot& slot) { slot.store_relaxed(nullptr); });
  if (batch.count != 0) return Taken::some;
  if (!from_first) return Taken::none_further;
  keys_.remove(key.index_ - kFirstIndex);
  return Taken::none_at_all;
}

void Registry::grow_slots(std::size_t index) {
  const std::size_t count = slots_for(index);
  ThreadRecord* record = current_record();
  std::unique_ptr<ThreadRecord> fresh;
  if (record == nullptr) record = (fresh = std::make_unique<ThreadRecord>()).get();
  Slot* const larger = make_slots(record, count);
  Slot* const old = record->slots;
  if (fresh != nullptr) {
    try {
      platform::call_at_thread_exit([](void*) { end_thread(); }, nullptr);
    } catch (...) {
      free_slots(larger);
      throw;
    }
  }
  {
    // Under the lock: a key's destructor may be emptying a slot of the old array.
    const sync::LockGuard lock(mutex_);
    for (std::size_t i = 0; i < record->slot_count; ++i) {
      larger[i].store_relaxed(old[i].load_relaxed());
    }
    record->slots = larger;
    record->slot_count = count;
    if (fresh != nullptr) {
      record->id = ++last_id_;
      record->previous = last_;
      (last_ == nullptr ? first_ : last_->next) = record;
      last_ = fresh.release();
    }
  }
  t_words.slots = larger;
  t_words.slot_count = count;
  free_slots(old);
}

Key* Registry::begin_removal(std::size_t index, void*& value) noexcept {
  const sync::LockGuard lock(mutex_);
  Slot& slot = t_words.slots[index];
  value = slot.load_relaxed();
  if (value == nullptr) return nullptr;
  slot.store_relaxed(nullptr);
  Key* const key = keys_.at(index - kFirstIndex);
  TARN_CHECK(key != nullptr);
  ++key->removals_;
  return key;
}

void Registry::end_removal(Key& key) noexcept {
  const sync::LockGuard lock(mutex_);
  // Under the lock to the end: the key may be gone as soon as its destructor gets it.
  if (--key.removals_ == 0) removal_ended_.notify_all();
}

void Registry::remove_current_thread() noexcept {
  ThreadRecord* const record = current_record();
  if (record == nullptr) return;
  {
    const sync::LockGuard lock(mutex_);
    for (std::size_t i = 0; i < record->slot_count; ++i) {
      if (record->slots[i].load_relaxed() != nullptr) return;
    }
    (record->previous == nullptr ? first_ : record->previous->next) = record->next;
    (record->next == nullptr ? last_ : record->next->previous) = record->previous;
  }
  t_words.slot_count = 0;
  t_words.slots = no_slots.data();
  free_slots(record->slots);
  delete record;
}

std::size_t Registry::thread_count() noexcept {
  const sync::LockGuard lock(mutex_);
  std::size_t count = 0;
  for (const ThreadRecord* record = first_; record != nullptr; record = record->next) ++count;
  return count;
}

void Registry::audit() noexcept {
  const sync::LockGuard lock(mutex_);
  const ThreadRecord* previous = nullptr;
  for (const ThreadRecord* record = first_; record != nullptr; record = record->next) {
    TARN_CHECK(record->previous == previous);
    TARN_CHECK(record->id > (previous == nullptr ? 0 : previous->id) && record->id <= last_id_);
    TARN_CHECK(header_of(record->slots)->record == record);
    TARN_CHECK(record->slots[0].load_relaxed() == nullptr);
    for (std::size_t i = kFirstIndex; i < record->slot_count; ++i) {
      TARN_CHECK(record->slots[i].load_relaxed() == nullptr ||
                 keys_.at(i - kFirstIndex) != nullptr);
    }
    previous = record;
  }
  TARN_CHECK(last_ == previous);
}

}  // namespace tarn::tls
