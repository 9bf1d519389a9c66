// SPDX-License-Identifier: Apache-2.0
// Thread exit by a pthread key, and by the C++ runtime for the main thread. Layer platform.
#include "tarn/detail/platform/thread_exit.hpp"

#include <cxxabi.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <new>

// Names this module to the C++ runtime, which keeps it loaded until the callbacks have run; the
// name is the runtime's.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" [[gnu::visibility("hidden")]] void* __dso_handle;

namespace tarn::platform {
namespace {

struct Callback {
  void (*function)(void*);
  void* argument;
  Callback* next;  // the one registered before it in the same thread
};

void run(Callback* raw) noexcept {
  const std::unique_ptr<Callback> callback(raw);
  callback->function(callback->argument);
}

void run_for_main(void* callback) { run(static_cast<Callback*>(callback)); }

void run_all(void* value) noexcept;

/// The process's pthread key; its value in a thread is that thread's newest Callback.
///
/// Never destroyed before the module's other static objects: see forget().
struct Key {
  Key() noexcept {
    usable.store(::pthread_key_create(&key, run_all) == 0, std::memory_order_relaxed);
  }
  pthread_key_t key{};
  // Relaxed: threads that are still running while the module goes away see either.
  std::atomic<bool> usable{false};
};

[[nodiscard]] Key& key() noexcept {
  static Key instance;
  return instance;
}

/// When this module is unloaded the key must not call into it any more. A destructor function
/// runs after every static object of the module has been destroyed, a thread they join included.
[[gnu::destructor]] void forget() noexcept {
  if (key().usable.exchange(false, std::memory_order_relaxed)) ::pthread_key_delete(key().key);
}

void run_all(void* value) noexcept {
  // The key is null by now. What a callback registers is taken over here, so that it does not use
  // up one of the few rounds that the C library grants.
  auto* next = static_cast<Callback*>(value);
  while (next != nullptr) {
    Callback* const before = next->next;
    ::pthread_setspecific(key().key, before);
    run(next);
    next = static_cast<Callback*>(::pthread_getspecific(key().key));
  }
}

[[nodiscard]] bool is_main_thread() noexcept { return ::syscall(SYS_gettid) == ::getpid(); }

}  // namespace

void call_at_thread_exit(void (*function)(void*), void* argument) {
  auto callback = std::make_unique<Callback>(Callback{function, argument, nullptr});
  // exit() runs no destructors of pthread keys. Without a key (all 1024 are in use) the C++ runtime
  // does for any thread, only earlier than promised.
  if (is_main_thread() || !key().usable.load(std::memory_order_relaxed)) {
    if (abi::__cxa_thread_atexit(run_for_main, callback.get(), &__dso_handle) != 0) {
      throw std::bad_alloc();
    }
    static_cast<void>(callback.release());
    return;
  }
  callback->next = static_cast<Callback*>(::pthread_getspecific(key().key));
  if (::pthread_setspecific(key().key, callback.get()) != 0) throw std::bad_alloc();
  static_cast<void>(callback.release());
}

}  // namespace tarn::platform
