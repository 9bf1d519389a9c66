// SPDX-License-Identifier: Apache-2.0
// Finding the pinned recyclers of a thread when it ends. Layer: recycler.
#pragma once

namespace tarn::recycler {

class Core;
struct PinnedThread;

/// Ties a core to the end of the thread that makes the Pin: Core::end_owner() is called then,
/// unless release() was earlier. The core's reference is held during the call.
///
/// Thread safety: release: any thread. The destructor: after release(), or the thread's end.
class Pin {
 public:
  /// @errors std::bad_alloc.
  explicit Pin(Core& core);
  ~Pin();
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  void release() noexcept;

 private:
  friend struct PinnedThread;
  static void end_thread(void* thread) noexcept;

  Core& core_;
  // Both under the lock of pin.cpp; `thread_` is null once released.
  PinnedThread* thread_ = nullptr;
  Pin* next_ = nullptr;
  Pin* previous_ = nullptr;
};

}  // namespace tarn::recycler
