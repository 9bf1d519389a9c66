// SPDX-License-Identifier: Apache-2.0
// Tests of the thread-safety attributes: code that is right compiles with all of them, and clang
// rejects code that is not (thread_annotations_misuse.cpp, which must fail to compile).
#include "tarn/detail/sync/thread_annotations.hpp"

#include <gtest/gtest.h>

#include "tarn/detail/sync/mutex.hpp"

namespace tarn::sync {
namespace {

class Account {
 public:
  void deposit(int n) {
    const LockGuard lock(mutex_);
    add(n);
  }
  int balance() {
    const LockGuard lock(mutex_);
    return balance_;
  }

 private:
  void add(int n) TARN_REQUIRES(mutex_) { balance_ += n; }

  Mutex mutex_{LockRank::log};
  int balance_ TARN_GUARDED_BY(mutex_) = 0;
};

TEST(ThreadAnnotations, LeaveCorrectCodeAsItIs) {
  Account account;
  account.deposit(3);
  EXPECT_EQ(account.balance(), 3);
}

}  // namespace
}  // namespace tarn::sync
