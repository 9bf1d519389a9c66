// SPDX-License-Identifier: Apache-2.0
// Objects that are used again instead of being made anew. Layer recycler, public.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "tarn/detail/recycler/core.hpp"
#include "tarn/detail/recycler/give_back.hpp"
#include "tarn/detail/recycler/local_pool.hpp"
#include "tarn/detail/recycler/options.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/recycler/stats.hpp"
#include "tarn/detail/tls/callable.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn {

template <class T>
class Recycler;

/// What ties an object to its pool, for objects that bring themselves back.
///
/// Valid as long as its object lives, wherever a copy of it is kept; T may be incomplete, so it can
/// be a member of T. A default-made one is a noop without an object.
///
/// Thread safety: any thread.
template <class T>
class RecyclerHandle {
 public:
  RecyclerHandle() noexcept = default;

  /// Brings `object`, which must be the handle's own, back: it waits in its pool, or is destroyed
  /// if it is not to be pooled, if the pool is full, or if its thread or recycler has ended.
  ///
  /// @errors Recyclers with Guard::checked: std::invalid_argument when the object is not the
  /// handle's (null too); std::logic_error when it waits already: one of several threads that try
  /// at once succeeds. Nothing has changed then.
  /// @complexity in the owner's thread one atomic exchange (none unchecked), no lock; else two more
  /// read-modify-writes.
  void recycle(T* object) const { give_back<recycler::How::guarded>(object); }

  /// The same without the exchange: finds that the object waits already, unless another thread
  /// recycles it at the same moment.
  void unguarded_recycle(T* object) const { give_back<recycler::How::unguarded>(object); }

  /// Whether the object will be destroyed, not pooled, when it is recycled.
  [[nodiscard]] bool is_noop() const noexcept {
    return object_ == nobody() || recycler::is_noop(object_);
  }

 private:
  friend class Recycler<T>;

  explicit RecyclerHandle(void* object) noexcept : object_(object) {}

  // No object is at address 1, nor does anybody recycle one from there.
  static void* nobody() noexcept { return reinterpret_cast<void*>(std::uintptr_t{1}); }

  template <recycler::How kHow>
  [[gnu::always_inline]] void give_back(T* object) const {
    void* const given = const_cast<std::remove_cv_t<T>*>(object);
    if (!recycler::is_same(given, object_)) [[unlikely]]
      check_other_object(given);
    // Null has been refused; a compiler that sees a null would warn of what lies in front of it.
    if (given == nullptr) __builtin_unreachable();
    recycler::give_back<kHow>(given);
  }

  void check_other_object(const void* given) const {
    recycler::check_other_object(object_ == nobody() ? nullptr : object_, given);
  }

  void* object_ = nobody();
};

/// An object that recycles itself when its holder dies. Move-only; may be empty.
///
/// The object may outlive its recycler and its thread. T may be incomplete, so it can be a member
/// of T. An object that was recycled by another way meanwhile, and still waits, is logged as an
/// error and left alone (recyclers with Guard::checked).
///
/// Thread safety: as a plain pointer; it may be destroyed by another thread than the one that got
/// it.
template <class T>
class [[nodiscard]] Recycled {
 public:
  constexpr Recycled() noexcept = default;
  constexpr Recycled(std::nullptr_t) noexcept {}
  Recycled(Recycled&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), home_(other.home_) {}
  Recycled& operator=(Recycled&& other) noexcept {
    Recycled(std::move(other)).swap(*this);
    return *this;
  }
  Recycled(const Recycled&) = delete;
  Recycled& operator=(const Recycled&) = delete;
  [[gnu::always_inline]] ~Recycled() {
    if (object_ != nullptr) give_back(object_);
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  /// Gives the object up without recycling it: Recycler::recycle(T&), or its handle, is owed.
  [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }

  /// Recycles the object now; empty afterwards.
  /// @complexity in the owner's thread a few plain instructions; else one to three
  /// read-modify-writes.
  void reset() noexcept {
    if (T* const object = std::exchange(object_, nullptr)) give_back(object);
  }

  void swap(Recycled& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(home_, other.home_);
  }
  friend void swap(Recycled& a, Recycled& b) noexcept { a.swap(b); }

  friend bool operator==(const Recycled& a, std::nullptr_t) noexcept { return !a; }
  friend bool operator==(const Recycled& a, const Recycled& b) noexcept {
    return a.object_ == b.object_;
  }

 private:
  friend class Recycler<T>;
  Recycled(T* object, recycler::Home* home) noexcept : object_(object), home_(home) {}

  [[gnu::always_inline]] void give_back(T* object) const noexcept {
    recycler::give_back_owned(const_cast<std::remove_cv_t<T>*>(object), *home_);
  }

  // Mutable only so that gcc keeps a const Recycled in registers.
  mutable T* object_ = nullptr;
  recycler::Home* home_ = nullptr;
};

namespace detail {

/// Makes a T in place: T(), or T(Recycler<T>::Handle) for objects that keep their handle.
template <class F, class T>
concept RecyclerFactoryOf = requires(F& make, void* place) {
  ::new (place) T(std::invoke(make));
}
|| requires(F& make, void* place, RecyclerHandle<T> handle) {
  ::new (place) T(std::invoke(make, handle));
};

}  // namespace detail

/// Pools of objects of one type: get() takes one that was recycled, or makes a new one.
///
/// Recycling neither resets nor destroys an object that is pooled: who gets it resets it. Every
/// thread has a pool of its own (see RecyclerForm for the others), to which the objects go back
/// that it has made, whichever thread recycles them. A pool never holds more than
/// max_capacity_per_thread + chunk_size objects, and drops nothing below max_capacity_per_thread.
/// A thread with a batch gets the last chunk_size objects that it has recycled since its batch was
/// last empty back last in, first out.
///
/// A thread's pool ends with the thread, the pools of all end with the recycler: what waits is
/// destroyed then, what is out is destroyed when it is recycled.
///
/// Thread safety: any thread. The destructor: no thread may be inside get, get_raw, trim, trim_all
/// or stats then, but any may be recycling.
template <class T>
class Recycler {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "what is recycled is an object");

 public:
  using Handle = RecyclerHandle<T>;

  /// Makes new objects by `factory()`, or by `factory(Handle)` when T keeps its handle.
  ///
  /// The factory is called by any thread that needs an object, by several at once; it may be
  /// move-only. T is built in place, so it need not be movable. What the factory throws passes
  /// through get().
  /// @errors std::bad_alloc; std::length_error when there are 16 million recyclers.
  template <class F>
  requires detail::RecyclerFactoryOf<F, T>
  explicit Recycler(F factory, RecyclerOptions options = RecyclerOptions::from_environment())
      : factory_(std::move(factory), MakeInPlace{}),
        core_(recycler::Core::make(
            options, {sizeof(T), alignof(T), destroy, std::is_invocable_v<F&, Handle>})),
        key_index_(core_->key_index()),
        near_index_(key_index_ < tls::kNearSlots ? key_index_ : 0),
        pinned_(core_->pinned_pool()),
        unchecked_pinned_(core_->is_checked() ? nullptr : pinned_),
        state_distance_(recycler::state_distance(core_->is_checked())) {
    static_assert(std::is_nothrow_destructible_v<T>, "objects end where nothing can be thrown");
  }

  /// Destroys what waits in every pool.
  ~Recycler() { core_->end(); }
  Recycler(const Recycler&) = delete;
  Recycler& operator=(const Recycler&) = delete;

  /// A recycled object, or a new one; never empty.
  /// @errors what the factory throws, std::bad_alloc: nothing has changed, but that the step of
  /// the ratio is used up.
  /// @complexity a few plain instructions if the thread's pool has one; no lock.
  [[nodiscard]] [[gnu::always_inline]] Recycled<T> get() {
    recycler::Home* home;
    T* const object = find(home);
    if (object == nullptr) __builtin_unreachable();  // spares the holder's end a look
    return Recycled<T>(object, home);
  }

  /// The same without an owner: comes back by its handle, or by recycle(T&) while the recycler
  /// lives. One that does not is leaked.
  [[nodiscard]] [[gnu::always_inline]] T& get_raw() {
    recycler::Home* home;
    return *find(home);
  }

  /// Brings an object of get_raw() or Recycled::release() back; any thread may.
  /// @errors Guard::checked: std::invalid_argument when it is of another Recycler<T>,
  /// std::logic_error when it waits already. Nothing has changed then.
  /// @complexity as a handle's; the first time for a pool of objects without handles also the
  /// recycler's lock, and a system call when the pool is another thread's.
  void recycle(T& object) {
    void* const given = const_cast<std::remove_cv_t<T>*>(std::addressof(object));
    recycler::Home& home = *recycler::slot_of(given)->home;
    if (home.core != core_) [[unlikely]]
      recycler::check_other_core(*core_);
    // [sync: by-hand] Acquire: what waits is marked.
    if (home.by_hand.load_acquire() != recycler::ByHand::kept) [[unlikely]]
      recycler::begin_by_hand(home);
    recycler::give_back<recycler::How::guarded>(given);
  }

  /// Lets a pinned recycler's pool outlive its thread: it then has no owner's batch, and whichever
  /// thread gets from it must be the only one at a time. Nothing for the other forms.
  void unpin_owner() { core_->unpin_owner(); }

  /// Destroys what waits in this thread's pool (pinned, shared: the pool). @returns whether any.
  bool trim() { return core_->trim() != 0; }

  /// Destroys what waits in every pool, whatever its owner is doing. @returns how many.
  /// @complexity a system call a pool of another thread.
  std::size_t trim_all() { return core_->trim_all(); }

  /// Objects that wait in this thread's pool (pinned, shared: the pool).
  [[nodiscard]] std::size_t thread_local_size() const noexcept {
    return core_->thread_local_size();
  }

  /// The settings as in force.
  [[nodiscard]] const RecyclerOptions& options() const noexcept { return core_->options(); }

  /// Of all threads, those that have ended included.
  [[nodiscard]] RecyclerStats stats() const { return core_->stats(); }

  /// Of this thread's pool and the objects that it has made; without dropped_closed.
  [[nodiscard]] RecyclerStats thread_local_stats() const { return core_->thread_local_stats(); }

  /// Checks the invariants; fatal when one is broken. For tests: no thread may be inside any member
  /// then, nor be recycling. @complexity O(objects that wait).
  void audit() const { core_->audit(); }

 private:
  struct MakeInPlace {
    template <class F>
    void operator()(F& make, void* place) const {
      if constexpr (std::is_invocable_v<F&, Handle>) {
        ::new (place) T(std::invoke(make, Handle(place)));
      } else {
        ::new (place) T(std::invoke(make));
      }
    }
  };

  static void destroy(void* object) noexcept { std::destroy_at(static_cast<T*>(object)); }

  static T* to_object(void* place) noexcept { return std::launder(static_cast<T*>(place)); }

  // find ── the pool's hot slot ── pinned and unchecked: nothing else to look at
  //    └─── find_slow ── the rest of the pool ── Core::take ── make_at
  [[nodiscard]] [[gnu::always_inline]] T* find(recycler::Home*& home) {
    if (recycler::LocalPool* const pinned = unchecked_pinned_; pinned != nullptr) {
      if (void* const object = pinned->pop()) [[likely]] {
        home = pinned;
        return to_object(object);
      }
    } else if (recycler::LocalPool* const pool = pool_near(); pool != nullptr) [[likely]] {
      if (void* const object = take_newest(*pool)) [[likely]] {
        home = pool;
        return to_object(object);
      }
    }
    void* const object = find_slow();
    home = recycler::slot_of(object)->home;
    return to_object(object);
  }

  [[gnu::noinline]] void* find_slow() {
    if (recycler::LocalPool* const pool = pool_here(); pool != nullptr) [[likely]] {
      if (pool_near() == nullptr) {
        if (void* const object = take_newest(*pool)) return object;
      }
      if (void* const object = pool->take_slow()) [[likely]]
        return object;
    }
    const recycler::Core::Taken taken = core_->take();
    if (taken.is_new) make_at(taken.object);
    return taken.object;
  }

  [[nodiscard]] [[gnu::always_inline]] void* take_newest(recycler::LocalPool& pool) const noexcept {
    void* const object = pool.pop();
    if (object != nullptr) [[likely]]
      recycler::mark_out(object, state_distance_);
    return object;
  }

  /// This thread's pool, or the pinned one. Null when this thread has none yet, in the shared form,
  /// and in a recycler that was made when many thread-locals were in use already.
  [[nodiscard]] [[gnu::always_inline]] recycler::LocalPool* pool_near() const noexcept {
    void* const pool = tls::slot_get_near(near_index_);
    return pool != nullptr ? static_cast<recycler::LocalPool*>(pool) : pinned_;
  }

  /// The same for every recycler: null when there is none yet, and in the shared form.
  [[nodiscard]] recycler::LocalPool* pool_here() const noexcept {
    void* const pool = tls::slot_get(key_index_);
    return pool != nullptr ? static_cast<recycler::LocalPool*>(pool) : pinned_;
  }

  void make_at(void* place) {
    struct Abandon {
      recycler::Core* core;
      void* place;
      ~Abandon() {
        if (core != nullptr) core->abandon(place);
      }
    } unless_made{core_, place};
    factory_(place);
    unless_made.core = nullptr;
  }

  const tls::Callable factory_;
  recycler::Core* const core_;
  // Copies of what the core knows, for the short way through get().
  const std::size_t key_index_;
  const std::size_t near_index_;  // or 0, where every thread has null
  recycler::LocalPool* const pinned_;
  recycler::LocalPool* const unchecked_pinned_;
  const std::size_t state_distance_;
};

}  // namespace tarn
