// SPDX-License-Identifier: Apache-2.0
// The one object that its owner takes and puts without a lock, an atomic read-modify-write or a
// call, and that another thread can nevertheless get hold of. Layer: recycler.
#pragma once

#include <cstdint>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::recycler {

/// Adds one to a word that only the calling thread writes, before everything that follows, and
/// after everything that precedes.
///
/// Written by hand where gcc would make three instructions of it; where somebody watches the
/// accesses (sanitizers, the model checker), as atomic ones.
template <class LightFence>
void count_up(sync::Atomic<std::uint64_t>& word) noexcept {
#if defined(__x86_64__) && !defined(TARN_RECYCLER_IS_WATCHED) && !defined(TARN_MODEL_CHECK)
  static_assert(sizeof(word) == sizeof(std::uint64_t));
  // One aligned store, so no reader sees half of it; a store is a release here, and the clobber
  // keeps the compiler from moving accesses across it.
  asm volatile("incq %0" : "+m"(reinterpret_cast<std::uint64_t&>(word)) : : "cc", "memory");
#else
  word.store_release(word.load_relaxed() + 1);
  LightFence::run();
#endif
}

/// A place for one object, used by its owner by plain stores, and taken away from it by others.
///
///     owner: pop                     revoker (one at a time, under a lock)
///       ++pops                         x = exchange(word, sealed)
///       light fence                    heavy fence
///       word is an object? take it     wait until nothing is in progress
///       word = empty                   word still sealed? then x is the revoker's
///     owner: push                                  else the owner has had x: once more
///       ++pushes
///       light fence
///       word empty? word = object
///
/// The counters that statistics need anyhow tell whether the owner is inside: an operation counts
/// at its start and changes the word at its end, so between operations `pushes - pops - stolen` is
/// 1 if the word holds an object and 0 if not, and during one it is not so. Of the two fences at
/// least one side sees the other: either the owner finds the word sealed, or the revoker finds the
/// operation counted. The owner only ever stores over `sealed` what ends an operation that had
/// begun before, so a word that is still sealed when nothing is in progress is final.
///
/// Thread safety: pop, push, replace: the owner. seal, look, keep, unseal: others, one at a time;
/// or the owner. holds_object, pops: any thread.
template <class LightFence>
class BasicHotSlot {
 public:
  /// What a revoker sees: an operation in progress; the owner has changed the word since; done.
  enum class Look : std::uint8_t { busy, lost, final };

  /// Starts sealed.
  constexpr BasicHotSlot() noexcept = default;

  /// @returns null when there is none, or sealed.
  [[nodiscard]] void* pop() noexcept {
    count_up<LightFence>(pops_);
    // Relaxed: only the owner puts objects here, itself.
    const std::uintptr_t object = word_.load_relaxed();
    if (object <= kSealed) [[unlikely]] {
      take_back(pops_);
      return nullptr;
    }
    // [sync: hot-slot] Release: a revoker that sees this knows that the object is gone.
    word_.store_release(kEmpty);
    return reinterpret_cast<void*>(object);
  }

  /// @returns false when there is one already, or sealed.
  [[nodiscard]] bool push(void* object) noexcept {
    TARN_ASSERT(reinterpret_cast<std::uintptr_t>(object) > kSealed);
    count_up<LightFence>(pushes_);
    if (word_.load_relaxed() != kEmpty) [[unlikely]] {
      take_back(pushes_);
      return false;
    }
    // [sync: hot-slot] Release: what was written into the object comes before a revoker's use.
    word_.store_release(reinterpret_cast<std::uintptr_t>(object));
    return true;
  }

  /// Puts `object` in the place of the one that is there. @returns that one; null when there is
  /// none or sealed, and nothing has changed.
  /// @pre the owner is inside the gate that a revoker waits for.
  [[nodiscard]] void* replace(void* object) noexcept {
    const std::uintptr_t before = word_.load_relaxed();
    if (before <= kSealed) return nullptr;
    // [sync: hot-slot] Release: as in push().
    word_.store_release(reinterpret_cast<std::uintptr_t>(object));
    return reinterpret_cast<void*>(before);
  }

  /// Makes pop and push fail from the heavy fence on. @returns what was there, for look().
  [[nodiscard]] std::uintptr_t seal() noexcept {
    // [sync: hot-slot] Acquire: what the owner wrote into the object is seen.
    return word_.exchange_acq_rel(kSealed);
  }

  /// Whether what seal() returned is the caller's. @pre a heavy fence since then.
  ///
  /// lost: the owner has had it; seal() again, and fence. busy: look again.
  [[nodiscard]] Look look(std::uintptr_t sealed_over) const noexcept {
    // Acquire, and the word last: a later operation's count must not be seen without the store
    // that ended the one before.
    const std::uint64_t pushes = pushes_.load_acquire();
    const std::uint64_t pops = pops_.load_acquire();
    if (word_.load_acquire() != kSealed) return Look::lost;
    const std::uint64_t objects = sealed_over > kSealed ? 1 : 0;
    return pushes - pops - stolen_ == objects ? Look::final : Look::busy;
  }

  /// Makes what seal() returned the caller's. @returns null when it was none. @pre look() is final.
  [[nodiscard]] void* keep(std::uintptr_t sealed_over) noexcept {
    if (sealed_over <= kSealed) return nullptr;
    ++stolen_;
    return reinterpret_cast<void*>(sealed_over);
  }

  /// Lets the owner in again. @pre sealed by the caller.
  void unseal() noexcept {
    // Release: keep() comes before the next revoker, through the lock; nothing else is published.
    word_.store_release(kEmpty);
  }

  [[nodiscard]] bool holds_object() const noexcept { return word_.load_relaxed() > kSealed; }

  /// The object, or null. @pre no operation is in progress.
  [[nodiscard]] void* peek() const noexcept {
    // [sync: hot-slot] Acquire: as in seal().
    const std::uintptr_t object = word_.load_acquire();
    return object > kSealed ? reinterpret_cast<void*>(object) : nullptr;
  }
  /// Whether the counts fit what is there. @pre no operation is in progress.
  [[nodiscard]] bool counts_agree() const noexcept {
    const std::uint64_t inside = pushes_.load_relaxed() - pops_.load_relaxed() - stolen_;
    return inside == (holds_object() ? 1 : 0);
  }

  /// Objects taken by pop(), one that is just being looked for included.
  [[nodiscard]] std::uint64_t pops() const noexcept { return pops_.load_relaxed(); }

 private:
  static constexpr std::uintptr_t kEmpty = 0;
  static constexpr std::uintptr_t kSealed = 1;  // no object is at an odd address

  static void take_back(sync::Atomic<std::uint64_t>& count) noexcept {
    count.store_release(count.load_relaxed() - 1);
  }

  // Written by the owner; by a revoker only kSealed, and kEmpty over its own kSealed.
  sync::Atomic<std::uintptr_t> word_{kSealed};
  // Written by the owner, each before it looks at the word; read by a revoker after a heavy fence.
  sync::Atomic<std::uint64_t> pops_{0};
  sync::Atomic<std::uint64_t> pushes_{0};
  // Objects that revokers have kept; theirs, under their lock.
  std::uint64_t stolen_ = 0;
};

using HotSlot = BasicHotSlot<sync::CompilerFence>;

}  // namespace tarn::recycler
