// SPDX-License-Identifier: Apache-2.0
// The lists of pins, one a thread that has made pinned recyclers. Layer: recycler.
#include "recycler/pin.hpp"

#include <cstdint>
#include <memory>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/thread_exit.hpp"
#include "tarn/detail/recycler/core.hpp"
#include "tarn/detail/recycler/thread_pointer.hpp"
#include "tarn/detail/sync/mutex.hpp"

namespace tarn::recycler {

/// A thread that has, or had, pinned recyclers. Made with the first one, gone at the thread's end.
struct PinnedThread {
  std::uintptr_t thread;
  Pin* pins = nullptr;
  PinnedThread* next = nullptr;
};

namespace {

/// All of them; few, and looked through only when a pinned recycler is made.
///
/// Not a thread_local: tarn's static TLS is three words. Never destroyed, as threads may end after
/// the static objects.
struct PinnedThreads {
  sync::Mutex mutex{sync::LockRank::registry};
  PinnedThread* first TARN_GUARDED_BY(mutex) = nullptr;

  [[nodiscard]] PinnedThread* find(std::uintptr_t thread) noexcept TARN_REQUIRES(mutex) {
    PinnedThread* found = first;
    while (found != nullptr && found->thread != thread) found = found->next;
    return found;
  }

  void remove(const PinnedThread& thread) noexcept TARN_REQUIRES(mutex) {
    PinnedThread** link = &first;
    while (*link != &thread) link = &(*link)->next;
    *link = thread.next;
  }
};

constinit PinnedThreads pinned_threads;

}  // namespace

Pin::Pin(Core& core) : core_(core) {
  const std::uintptr_t self = thread_pointer();
  // Only this thread makes and ends its own record, so what is found stays.
  PinnedThread* thread = [self] {
    const sync::LockGuard lock(pinned_threads.mutex);
    return pinned_threads.find(self);
  }();
  if (thread == nullptr) {
    auto fresh = std::make_unique<PinnedThread>(PinnedThread{self});
    platform::call_at_thread_exit(end_thread, fresh.get());
    thread = fresh.release();
    const sync::LockGuard lock(pinned_threads.mutex);
    thread->next = pinned_threads.first;
    pinned_threads.first = thread;
  }
  const sync::LockGuard lock(pinned_threads.mutex);
  thread_ = thread;
  next_ = thread->pins;
  if (next_ != nullptr) next_->previous_ = this;
  thread->pins = this;
}

Pin::~Pin() { TARN_CHECK(thread_ == nullptr); }

void Pin::release() noexcept {
  const sync::LockGuard lock(pinned_threads.mutex);
  if (thread_ == nullptr) return;
  (previous_ == nullptr ? thread_->pins : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  thread_ = nullptr;
}

void Pin::end_thread(void* argument) noexcept {
  const std::unique_ptr<PinnedThread> thread(static_cast<PinnedThread*>(argument));
  while (true) {
    Core* core = nullptr;
    {
      const sync::LockGuard lock(pinned_threads.mutex);
      Pin* const pin = thread->pins;
      if (pin == nullptr) {
        pinned_threads.remove(*thread);
        return;
      }
      thread->pins = pin->next_;
      if (pin->next_ != nullptr) pin->next_->previous_ = nullptr;
      pin->thread_ = nullptr;
      core = &pin->core_;
      // From here on the Recycler may end at any time.
      core->add_reference();
    }
    core->end_owner();
    core->drop_reference();
  }
}

}  // namespace tarn::recycler
