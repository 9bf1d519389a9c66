// SPDX-License-Identifier: Apache-2.0
// Threads that a test steps one at a time. Test support.
#pragma once

#include <functional>
#include <semaphore>
#include <thread>
#include <utility>

namespace tarn::test {

/// A thread that runs what it is given, one call after the other, until it is ended.
///
/// Thread safety: one other thread at a time.
class Lane {
 public:
  Lane() : thread_([this] { run(); }) {}
  ~Lane() {
    task_ = nullptr;
    given_.release();
    thread_.join();
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Runs `task` in the lane's thread, to its end. It must not throw.
  void call(std::function<void()> task) {
    task_ = std::move(task);
    given_.release();
    done_.acquire();
  }

 private:
  void run() {
    for (given_.acquire(); task_ != nullptr; given_.acquire()) {
      task_();
      done_.release();
    }
  }

  std::function<void()> task_;
  std::binary_semaphore given_{0};
  std::binary_semaphore done_{0};
  std::thread thread_;  // last: it uses the others
};

}  // namespace tarn::test
