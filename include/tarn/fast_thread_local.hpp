// SPDX-License-Identifier: Apache-2.0
// Thread-locals that belong to an object, and threads that are known to use them. Layer: tls.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

#include "tarn/detail/tls/callable.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn {

namespace detail {

/// The default of FastThreadLocal's `on_removal`: does nothing.
struct NoRemovalCallback {};

template <class F, class T>
concept MakerOf = requires(F& make, void* place) {
  ::new (place) T(make());
};

template <class F, class T>
concept RemovalCallbackOf = std::same_as<F, NoRemovalCallback> || std::invocable<F&, T&>;

}  // namespace detail

/// A variable of which every thread has its own value, and that lives as long as this object.
///
/// A value is made by the thread's first get() or set(), and ends with the thread, whatever made
/// the thread; with remove(); or with this object. Values made while others are removed are removed
/// too: at most 8 rounds, then without `on_removal`. No order among instances is promised.
///
/// Thread safety: any thread, each for its own value. The destructor: no thread may be using the
/// instance then, but threads may be ending.
template <class T>
class FastThreadLocal {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "a value is an object");
  static_assert(std::is_same_v<T, std::remove_cv_t<T>>, "a thread may change its own value");
  static_assert(std::is_nothrow_destructible_v<T>, "values end where nothing can be thrown");

 public:
  /// A thread's first value is `T{}`.
  /// @errors std::bad_alloc; std::length_error when 16 million instances live.
  FastThreadLocal() requires std::is_default_constructible_v<T>
      : make_([] {}, MakeDefault{}), key_(end_value, destroy_value, this) {}

  /// A thread's first value is `initial()`; `on_removal(T&)` is called before a value is destroyed
  /// by anything but set().
  ///
  /// Both may be called by several threads at once. `initial` must not get() its own instance:
  /// std::logic_error, and the slot stays unset.
  /// @errors std::bad_alloc; std::length_error when 16 million instances live; what moving the
  /// callables throws.
  template <detail::MakerOf<T> Initial,
            detail::RemovalCallbackOf<T> OnRemoval = detail::NoRemovalCallback>
  explicit FastThreadLocal(Initial initial, OnRemoval on_removal = {})
      : make_(std::move(initial), MakeBy{}), key_(end_value, destroy_value, this) {
    if constexpr (!std::same_as<OnRemoval, detail::NoRemovalCallback>) {
      if (!tls::is_empty_callable(on_removal)) {
        on_removal_ = tls::Callable(std::move(on_removal), CallWithValue{});
      }
    }
  }

  /// Removes every thread's value, in this thread. What `on_removal` throws ends the program.
  ~FastThreadLocal() = default;
  FastThreadLocal(const FastThreadLocal&) = delete;
  FastThreadLocal& operator=(const FastThreadLocal&) = delete;

  /// This thread's value, made at the first use.
  ///
  /// @errors what `initial` throws, std::bad_alloc: the slot stays unset.
  /// @complexity a few instructions, no lock or read-modify-write, once the value is made.
  /// Lifetime: until remove(), set(), the thread's end or the instance's.
  T& get() {
    if (T* const value = get_if_exists()) [[likely]]
      return *value;
    return make_value();
  }

  /// This thread's value, or null when it has none. @complexity as get(). Lifetime: as get().
  [[nodiscard]] T* get_if_exists() noexcept { return static_cast<T*>(key_.get()); }

  [[nodiscard]] bool is_set() const noexcept { return key_.get() != nullptr; }

  /// Makes `value` this thread's; the one before is destroyed without `on_removal`.
  ///
  /// T need only be move-constructible: references to the value before become invalid.
  /// @errors std::bad_alloc, what T's move constructor throws: nothing has changed.
  T& set(T value) {
    Storage storage;
    key_.reserve();
    T* const placed = ::new (storage.place()) T(std::move(value));
    return publish(placed, storage);
  }

  /// Calls `on_removal` for this thread's value, then destroys it; get() makes a new one. Nothing
  /// when there is none.
  /// @errors what `on_removal` throws; the value has been destroyed then too.
  void remove() { key_.remove(); }

  /// Calls `f(T&)` for every thread that has a value, under a lock: no value ends meanwhile.
  ///
  /// Owners may be using their values meanwhile. `f` must not use this instance; it may use others.
  /// @errors what `f` throws; the lock is released.
  /// @complexity O(threads). An ending thread, remove() and set() wait for `f`.
  template <std::invocable<T&> F>
  void for_each_thread(F&& f) {
    key_.for_each([&f](void* value) { f(*static_cast<T*>(value)); });
  }

 private:
  struct MakeDefault {
    template <class F>
    void operator()(F&, void* place) const {
      ::new (place) T{};
    }
  };
  struct MakeBy {
    template <class F>
    void operator()(F& make, void* place) const {
      ::new (place) T(make());
    }
  };
  struct CallWithValue {
    template <class F>
    void operator()(F& call, void* value) const {
      std::invoke(call, *static_cast<T*>(value));
    }
  };

  /// Memory for one value, over-aligned if T is; freed unless a value has been published in it.
  class Storage {
   public:
    Storage() : memory_(std::allocator<T>().allocate(1)) {}
    ~Storage() {
      if (memory_ != nullptr) std::allocator<T>().deallocate(memory_, 1);
    }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;
    [[nodiscard]] void* place() const noexcept { return memory_; }
    void release() noexcept { memory_ = nullptr; }

   private:
    T* memory_;
  };

  [[gnu::cold, gnu::noinline]] T& make_value() {
    const tls::Frame frame(key_, tls::Frame::Kind::making);
    Storage storage;
    make_(storage.place());
    return publish(std::launder(static_cast<T*>(storage.place())), storage);
  }

  /// Puts a value into this thread's slot, for which there is room.
  T& publish(T* value, Storage& storage) noexcept {
    storage.release();
    if (void* const before = key_.set(value)) destroy_value(before, this);
    return *value;
  }

  static void destroy_value(void* raw, void*) noexcept {
    T* const value = static_cast<T*>(raw);
    std::destroy_at(value);
    std::allocator<T>().deallocate(value, 1);
  }

  static void end_value(void* raw, void* self) {
    struct Destroy {
      void* value;
      ~Destroy() { destroy_value(value, nullptr); }
    };
    const Destroy at_end{raw};
    const tls::Callable& on_removal = static_cast<FastThreadLocal*>(self)->on_removal_;
    if (on_removal) on_removal(raw);
  }

  tls::Callable make_;
  tls::Callable on_removal_;
  tls::Key key_;  // last: its destructor removes the values, with the callables still there
};

/// Removes the calling thread's values of every FastThreadLocal, tarn's own included; a thread does
/// so by itself when it ends.
///
/// Values made meanwhile are removed too: at most 8 rounds, then without `on_removal`.
/// @errors the first exception of an `on_removal`, after all values have been removed.
inline void remove_all_fast_thread_locals() { tls::remove_all_values(); }

/// Values that the calling thread has, tarn's own included. @complexity O(slots of the thread).
[[nodiscard]] inline std::size_t fast_thread_local_count() noexcept {
  return tls::thread_value_count();
}

/// Marks its thread as a fast one while it lives: one that is worth per-thread stock. Scopes nest;
/// the end of one removes no value.
///
/// Thread safety: made and destroyed by the same thread.
class FastThreadScope {
 public:
  /// @errors std::bad_alloc.
  FastThreadScope() { tls::enter_fast_scope(); }
  ~FastThreadScope() { tls::leave_fast_scope(); }
  FastThreadScope(const FastThreadScope&) = delete;
  FastThreadScope& operator=(const FastThreadScope&) = delete;

  /// Whether the calling thread is in a scope.
  [[nodiscard]] static bool active() noexcept { return tls::current_thread_is_fast(); }
};

/// A thread that is in a FastThreadScope from its first to its last statement, and that is joined
/// when its owner ends or is assigned another.
///
/// Thread safety: as std::thread.
class FastThread {
 public:
  using id = std::thread::id;

  FastThread() noexcept = default;

  /// Starts a thread that calls a copy of `f` with copies of `arguments`, as std::thread does.
  /// @errors std::system_error, what copying throws.
  template <class F, class... Arguments>
  requires(!std::same_as<std::remove_cvref_t<F>, FastThread>) explicit FastThread(
      F&& f, Arguments&&... arguments)
      : thread_(
            [](auto&& call, auto&&... with) {
              const FastThreadScope scope;
              std::invoke(std::forward<decltype(call)>(call),
                          std::forward<decltype(with)>(with)...);
            },
            std::forward<F>(f), std::forward<Arguments>(arguments)...) {}

  FastThread(FastThread&&) noexcept = default;
  FastThread& operator=(FastThread&& other) noexcept {
    if (this == &other) return *this;
    if (joinable()) join();
    thread_ = std::move(other.thread_);
    return *this;
  }
  ~FastThread() {
    if (joinable()) join();
  }

  /// @errors std::system_error when not joinable, or called by the thread itself.
  void join() { thread_.join(); }
  [[nodiscard]] bool joinable() const noexcept { return thread_.joinable(); }
  [[nodiscard]] id get_id() const noexcept { return thread_.get_id(); }

 private:
  std::thread thread_;
};

}  // namespace tarn
