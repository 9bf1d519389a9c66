// SPDX-License-Identifier: Apache-2.0
// What lies in front of a recycled object in memory. Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::recycler {

// Where somebody watches the accesses of memory, assembly makes none that they would miss: a handle
// of an object that has been destroyed is found by the first one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TARN_RECYCLER_IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(hwaddress_sanitizer) || \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TARN_RECYCLER_IS_WATCHED 1
#endif
#endif

struct Home;

/// Whether an object is out or waits in a pool; what finds a double recycle.
///
///     out --recycle--> waiting --take--> out
///
/// Relaxed throughout: the state publishes nothing. Who gets the object next is ordered by the
/// place it waits in, and of two read-modify-writes one always sees the other.
class SlotState {
 public:
  /// @returns false when the object waits already; exactly one of racing callers gets true.
  [[nodiscard]] bool recycle_guarded() noexcept {
    return state_.exchange_relaxed(kWaiting) == kOut;
  }

  /// The same without a read-modify-write: of racing callers several may get true.
  [[nodiscard]] bool recycle_unguarded() noexcept {
    if (state_.load_relaxed() != kOut) [[unlikely]]
      return false;
    state_.store_relaxed(kWaiting);
    return true;
  }

  [[nodiscard]] bool is_waiting() const noexcept { return state_.load_relaxed() == kWaiting; }

  void set_out() noexcept { state_.store_relaxed(kOut); }

  /// Takes the object out. @returns false when it is out: it was in its pool twice.
  [[nodiscard]] bool take() noexcept {
    if (state_.load_relaxed() != kWaiting) [[unlikely]]
      return false;
    state_.store_relaxed(kOut);
    return true;
  }

 private:
  static constexpr std::uint32_t kOut = 0;
  static constexpr std::uint32_t kWaiting = 1;

  sync::Atomic<std::uint32_t> state_{kOut};
};

/// The 16 bytes in front of every object.
///
///     unchecked recycler:                       home  next | object
///     checked:                  (pad)  state    home  next | object
///                                 8      8       8     8   ^ aligned for T
///
/// `home` is written once, before anybody else knows the object. `next` belongs to whoever holds
/// the object, while it waits in a list.
struct Slot {
  Home* home;
  Slot* next;
};

[[nodiscard]] inline Slot* slot_of(void* object) noexcept {
  return reinterpret_cast<Slot*>(static_cast<std::byte*>(object) - sizeof(Slot));
}

[[nodiscard]] inline void* object_of(Slot* slot) noexcept {
  return reinterpret_cast<std::byte*>(slot) + sizeof(Slot);
}

inline constexpr std::size_t kStateDistance = sizeof(Slot) + 8;  // bytes before the object

/// @pre the object is of a checked recycler.
[[nodiscard]] inline SlotState& state_of(void* object) noexcept {
  return *reinterpret_cast<SlotState*>(static_cast<std::byte*>(object) - kStateDistance);
}

/// Where mark_out() writes: bytes before the object.
[[nodiscard]] constexpr std::size_t state_distance(bool checked) noexcept {
  return checked ? kStateDistance : sizeof(Slot) - offsetof(Slot, next);
}

/// Says that the object, which waited, is out. One store, checked or not: without a state it goes
/// to the link, which means nothing while the object is out.
/// @param distance of state_distance().
inline void mark_out(void* object, std::size_t distance) noexcept {
  std::byte* const place = static_cast<std::byte*>(object) - distance;
  TARN_ASSERT(distance != kStateDistance || state_of(object).is_waiting());
  reinterpret_cast<SlotState*>(place)->set_out();
}

/// Whether `known` is what is `stored`, by a comparison from which a compiler learns nothing, and
/// with it in memory: it would else, knowing the two equal, go on with the one that it has read.
template <class Pointer>
[[nodiscard]] [[gnu::always_inline]] inline bool is_same(Pointer known,
                                                         const Pointer& stored) noexcept {
#if defined(__x86_64__) && defined(__LP64__) && !defined(TARN_RECYCLER_IS_WATCHED)
  bool same;
  asm("cmpq %2, %1" : "=@cce"(same) : "r"(known), "m"(stored));
  return same;
#else
  asm("" : "+r"(known));
  return known == stored;
#endif
}

/// What became of an object that was to be put where others wait.
enum class PutResult : std::uint8_t { stored, full, closed };

/// A list of objects, linked through their slots and ending with null.
struct SlotList {
  Slot* first = nullptr;
  std::size_t count = 0;

  void push(Slot* slot) noexcept {
    slot->next = first;
    first = slot;
    ++count;
  }
};

/// How the memory of one object is laid out; sizes in bytes.
struct SlotLayout {
  std::size_t offset;     ///< from the start of the memory to the object
  std::size_t size;       ///< of it all
  std::size_t alignment;  ///< of the start

  [[nodiscard]] static constexpr SlotLayout of(std::size_t object_size,
                                               std::size_t object_alignment,
                                               bool checked) noexcept {
    const std::size_t alignment =
        object_alignment > alignof(Slot) ? object_alignment : alignof(Slot);
    const std::size_t in_front = checked ? kStateDistance : sizeof(Slot);
    const std::size_t offset = base::align_up(in_front, alignment);
    return {offset, offset + object_size, alignment};
  }

  /// Memory for one object, its slot initialised. @returns where the object goes.
  /// @errors std::bad_alloc.
  [[nodiscard]] void* allocate(Home* home, bool checked) const;
  void deallocate(void* object) const noexcept;
};

}  // namespace tarn::recycler
