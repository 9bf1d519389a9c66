// SPDX-License-Identifier: Apache-2.0
// Must not compile with clang -Werror=thread-safety: a guarded member is read without its lock.
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/sync/thread_annotations.hpp"

namespace {

class Account {
 public:
  int balance() const {
#ifdef TARN_WITH_LOCK
    const tarn::sync::LockGuard lock(mutex_);
#endif
    return balance_;
  }

 private:
  mutable tarn::sync::Mutex mutex_{tarn::sync::LockRank::log};
  int balance_ TARN_GUARDED_BY(mutex_) = 0;
};

}  // namespace

int use_account() { return Account().balance(); }
