// SPDX-License-Identifier: Apache-2.0
// What a key does apart from reading a slot; frames; fast scopes. Layer: tls.
#include "tarn/detail/tls/slots.hpp"

#include <stdexcept>

#include "tarn/detail/base/check.hpp"
#include "tls/registry.hpp"

namespace tarn::tls {
namespace {

[[nodiscard]] const Frame* frame_of(const Key& key) noexcept {
  const ThreadRecord* const record = current_record();
  const Frame* frame = record == nullptr ? nullptr : record->frames;
  while (frame != nullptr && frame->key != &key) frame = frame->outer;
  return frame;
}

}  // namespace

Key::Key(Callback on_remove, Callback on_discard, void* context)
    : remove_(on_remove),
      discard_(on_discard),
      context_(context),
      index_(registry().add_key(*this)) {
  TARN_CHECK(on_remove != nullptr && on_discard != nullptr);
}

Key::~Key() {
  if (frame_of(*this) != nullptr) base::fatal("thread-local destroyed by its own callback", this);
  Batch batch;
  int round = 0;
  while (true) {
    switch (registry().take_values(*this, batch)) {
      case Registry::Taken::none_at_all:
        return;
      case Registry::Taken::none_further:
        batch.last_thread = 0;  // once more: a callback may have made values
        ++round;
        break;
      case Registry::Taken::some:
        end_values(batch, round);
        break;
    }
  }
}

void Key::end_values(const Batch& batch, int round) const {
  const Frame frame(*this, Frame::Kind::removing);
  for (std::size_t i = 0; i < batch.count; ++i) {
    if (round < kMaxRounds) {
      remove_(batch.values[i], context_);
    } else if (round < 2 * kMaxRounds) {
      discard_(batch.values[i], context_);
    }
  }
}

void Key::reserve_slow() const { registry().grow_slots(index_); }

void* Key::set(void* value) {
  TARN_ASSERT(value != nullptr);
  reserve();
  sync::Atomic<void*>& slot = t_words.slots[index_];
  void* const before = slot.load_relaxed();
  // [sync: tls-slot] Release: what was written into the value comes before a visitor reads it.
  slot.store_release(value);
  if (before != nullptr) wait_for_visitors();
  return before;
}

void* Key::take() noexcept {
  void* const value = get();
  if (value == nullptr) return nullptr;
  t_words.slots[index_].store_relaxed(nullptr);  // a null publishes nothing
  wait_for_visitors();
  return value;
}

void Key::remove() {
  void* const value = take();
  if (value == nullptr) return;
  const Frame frame(*this, Frame::Kind::removing);
  remove_(value, context_);
}

bool Key::collect(Batch& batch) const noexcept { return registry().read_values(*this, batch); }

/// Waits until a for_each that may have seen a value, which is in no slot any more, is over.
void Key::wait_for_visitors() noexcept { const sync::LockGuard lock(visiting_); }

Frame::Frame(const Key& owner, Kind what) : key(&owner), kind(what) {
  if (kind == Kind::making) {
    owner.reserve();
    for (const Frame* frame = frame_of(owner); frame != nullptr; frame = frame->outer) {
      if (frame->key == key && frame->kind == Kind::making) {
        throw std::logic_error("tarn: FastThreadLocal: initial gets its own instance");
      }
    }
  }
  ThreadRecord* const record = current_record();
  if (record == nullptr) return;  // a destructor of a Key in a thread that never had a value
  outer = record->frames;
  record->frames = this;
}

Frame::~Frame() {
  ThreadRecord* const record = current_record();
  if (record != nullptr && record->frames == this) record->frames = outer;
}

std::size_t thread_value_count() noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < t_words.slot_count; ++i) {
    if (t_words.slots[i].load_relaxed() != nullptr) ++count;
  }
  return count;
}

bool current_thread_is_fast() noexcept {
  const ThreadRecord* const record = current_record();
  return record != nullptr && record->fast_scopes != 0;
}

void enter_fast_scope() {
  if (current_record() == nullptr) registry().grow_slots(0);
  ++current_record()->fast_scopes;
}

void leave_fast_scope() noexcept {
  // A scope that outlives its thread's removal (a thread_local one of the main thread) has lost
  // its record, or found a new one.
  ThreadRecord* const record = current_record();
  if (record != nullptr && record->fast_scopes != 0) --record->fast_scopes;
}

}  // namespace tarn::tls
