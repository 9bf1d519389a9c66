// SPDX-License-Identifier: Apache-2.0
// The one promise of the fence: of two threads at least one sees the other.
#include "tarn/detail/platform/asymmetric_fence.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <thread>

namespace tarn::platform {
namespace {

/// Spins, and lets others run when it takes long: the machine may be busy.
void wait_until_at_least(const std::atomic<int>& cell, int value) {
  for (int spins = 1; cell.load(std::memory_order_acquire) < value; ++spins) {
    if (spins % 4096 == 0) std::this_thread::yield();
  }
}

/// In how many rounds both threads read the old value (Dekker's pattern): with the fences never.
///
/// Both run freely; the heavy one announces a round and then waits a little, each time longer, so
/// that the two meet in some of the rounds. Without the heavy fence an optimised build on two quiet
/// x86 cores has such rounds in most runs.
int rounds_missed_by_both(int rounds) {
  // Cache lines of their own: a store is late only while its line is elsewhere.
  alignas(64) std::atomic<int> light_cell{0};
  alignas(64) std::atomic<int> heavy_cell{0};
  alignas(64) std::atomic<int> round{0};
  alignas(64) std::atomic<int> light_done{0};
  std::atomic<int> light_saw{0};
  std::thread light([&] {
    for (int r = 1; r <= rounds; ++r) {
      wait_until_at_least(round, r);
      light_cell.store(r, std::memory_order_relaxed);
      light_fence();
      light_saw.store(heavy_cell.load(std::memory_order_relaxed), std::memory_order_relaxed);
      light_done.store(r, std::memory_order_release);
    }
  });
  int both_missed = 0;
  for (int r = 1; r <= rounds; ++r) {
    round.store(r, std::memory_order_release);
    for (int wait = r % 128; wait > 0; --wait) asm volatile("" ::: "memory");
    heavy_cell.store(r, std::memory_order_relaxed);
    heavy_fence();
    const bool heavy_missed = light_cell.load(std::memory_order_relaxed) != r;
    wait_until_at_least(light_done, r);
    if (heavy_missed && light_saw.load(std::memory_order_relaxed) != r) ++both_missed;
  }
  light.join();
  return both_missed;
}

TEST(AsymmetricFence, WorksHere) {
  ASSERT_TRUE(asymmetric_fence_available());
  heavy_fence();
}

TEST(AsymmetricFence, LetsOneOfTwoThreadsSeeTheOther) {
  EXPECT_EQ(rounds_missed_by_both(10'000), 0);
}

TEST(AsymmetricFence, MayBeRaisedBySeveralThreads) {
  std::atomic<int> raised{0};
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 100; ++i) heavy_fence();
      raised.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(raised.load(), 4);
}

TEST(AsymmetricFence, WorksInAForkedChild) {
  heavy_fence();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    heavy_fence();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

#if defined(__x86_64__)
/// Has the kernel answer ENOSYS to membarrier from now on, as old kernels and some sandboxes do.
bool forbid_membarrier() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {.len = std::size(program), .filter = program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// In a child process, for which the filter stays. The parent has used membarrier before, so the
// child also goes through the change from one method to the other.
TEST(AsymmetricFenceDeathTest, FallsBackOnPageProtectionWithoutMembarrier) {
  heavy_fence();
  EXPECT_EXIT(
      {
        if (!forbid_membarrier()) {
          std::fputs("the filter was refused", stderr);
          std::_Exit(2);
        }
        const int missed = rounds_missed_by_both(5000);
        if (!asymmetric_fence_available() || ::syscall(__NR_membarrier, 0, 0, 0) >= 0)
          std::_Exit(3);
        std::_Exit(missed == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace tarn::platform
