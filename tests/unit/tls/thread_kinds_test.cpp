// SPDX-License-Identifier: Apache-2.0
// Tests of values in every kind of thread, and of code that runs while a thread ends.
#include <gtest/gtest.h>
#include <pthread.h>
#include <threads.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tls/registry.hpp"

namespace tarn {
namespace {

/// An instance that counts what is made and removed.
struct Counted {
  std::atomic<int> made{0};
  std::atomic<int> removed{0};
  FastThreadLocal<int> local{[this] { return ++made; }, [this](int&) { ++removed; }};
};

TEST(ThreadKinds, StdThread) {
  Counted counted;
  std::thread([&] { counted.local.get(); }).join();
  EXPECT_EQ(counted.made, 1);
  EXPECT_EQ(counted.removed, 1);
}

TEST(ThreadKinds, PthreadWithAStackOfItsOwn) {
  Counted counted;
  constexpr std::size_t kStackBytes = std::size_t{2} << 20;  // ThreadSanitizer takes one of it
  const std::unique_ptr<void, decltype(&std::free)> stack(std::aligned_alloc(4096, kStackBytes),
                                                          &std::free);
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstack(&attributes, stack.get(), kStackBytes), 0);
  pthread_t thread{};
  const auto body = [](void* raw) -> void* {
    static_cast<Counted*>(raw)->local.get();
    return nullptr;
  };
  ASSERT_EQ(::pthread_create(&thread, &attributes, body, &counted), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  ::pthread_attr_destroy(&attributes);
  EXPECT_EQ(counted.made, 1);
  EXPECT_EQ(counted.removed, 1);
}

TEST(ThreadKinds, PthreadThatLeavesByPthreadExit) {
  Counted counted;
  pthread_t thread{};
  const auto body = [](void* raw) -> void* {
    static_cast<Counted*>(raw)->local.get();
    ::pthread_exit(nullptr);
  };
  ASSERT_EQ(::pthread_create(&thread, nullptr, body, &counted), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  EXPECT_EQ(counted.removed, 1);
}

#if !TARN_UNDER_TSAN  // which does not know of threads that C11 makes
TEST(ThreadKinds, CThread) {
  Counted counted;
  thrd_t thread{};
  const auto body = [](void* raw) -> int {
    static_cast<Counted*>(raw)->local.get();
    return 0;
  };
  ASSERT_EQ(::thrd_create(&thread, body, &counted), thrd_success);
  ASSERT_EQ(::thrd_join(thread, nullptr), thrd_success);
  EXPECT_EQ(counted.removed, 1);
}
#endif

TEST(ThreadKinds, DetachedThread) {
  Counted counted;
  std::thread([&] { counted.local.get(); }).detach();
  while (counted.removed.load() == 0) std::this_thread::yield();
  EXPECT_EQ(counted.made, 1);
}

// The thread_local object is older than the thread's first value, so it dies after values would
// go if they went with thread_locals; its destructor uses what it used before, and more.
TEST(ThreadKinds, UsableFromDestructorsOfOtherThreadLocals) {
  static Counted before;
  static Counted late;
  struct Object {
    void use() const { EXPECT_EQ(before.local.get(), 1); }
    ~Object() {
      EXPECT_TRUE(before.local.is_set()) << "removed before this thread_local";
      use();
      late.local.get();
    }
  };
  std::thread([] {
    thread_local const Object object;
    object.use();
  }).join();
  EXPECT_EQ(before.made, 1);
  EXPECT_EQ(before.removed, 1);
  EXPECT_EQ(late.made, 1);
  EXPECT_EQ(late.removed, 1);
}

TEST(ThreadKinds, FirstUseInADestructorOfAThreadLocal) {
  static Counted counted;
  struct Object {
    int used = 0;
    ~Object() { counted.local.get(); }
  };
  std::thread([] {
    thread_local Object object;
    object.used = 1;
  }).join();
  EXPECT_EQ(counted.made, 1);
  EXPECT_EQ(counted.removed, 1);
}

/// A key of a foreign library, whose destructor uses an instance of ours, in `rounds` rounds.
class ForeignKey {
 public:
  ForeignKey() {
    EXPECT_EQ(::pthread_key_create(&key_, [](void* raw) { static_cast<Use*>(raw)->run(); }), 0);
  }
  ~ForeignKey() { ::pthread_key_delete(key_); }
  ForeignKey(const ForeignKey&) = delete;
  ForeignKey& operator=(const ForeignKey&) = delete;

  void arm(Counted& counted, int rounds) {
    use_ = {key_, &counted, rounds};
    ::pthread_setspecific(key_, &use_);
  }

 private:
  struct Use {
    pthread_key_t key;
    Counted* counted;
    int rounds;
    void run() {
      counted->local.get();
      if (--rounds > 0) ::pthread_setspecific(key, this);
    }
  };
  pthread_key_t key_{};
  Use use_{};
};

// Our key and the foreign one are served in the order of their creation: both orders.
TEST(ThreadKinds, UsableFromDestructorsOfForeignPthreadKeys) {
  Counted warm_up;
  std::thread([&] { warm_up.local.get(); }).join();  // our key is older than `younger` now
  ForeignKey younger;
  Counted counted;
  std::thread([&] {
    counted.local.get();
    younger.arm(counted, 1);
  }).join();
  EXPECT_GE(counted.made, 1);
  EXPECT_EQ(counted.removed, counted.made);
}

TEST(ThreadKinds, FirstUseInADestructorOfAForeignPthreadKey) {
  ForeignKey foreign;
  Counted counted;
  std::thread([&] { foreign.arm(counted, 1); }).join();
  EXPECT_EQ(counted.made, 1);
  EXPECT_EQ(counted.removed, 1);
}

TEST(ThreadKinds, ForeignPthreadKeyThatComesBack) {
  ForeignKey foreign;
  Counted counted;
  // The C library grants four rounds; what the last one makes has no round left to go in.
  // ThreadSanitizer ends its own view of the thread in the fourth.
  constexpr int kRounds = TARN_UNDER_TSAN ? 2 : 3;
  std::thread([&] { foreign.arm(counted, kRounds); }).join();
  EXPECT_GE(counted.made, 1);
  EXPECT_EQ(counted.removed, counted.made);
}

// Thousands of short threads leave nothing behind. (Netty: 0 cleaner entries are registered.)
TEST(ThreadKinds, ShortThreadsLeaveNothing) {
#if TARN_UNDER_SANITIZER
  constexpr int kThreads = 1'000;
#else
  constexpr int kThreads = 10'000;
#endif
  Counted one;
  Counted two;
  const std::size_t before = tls::registry().thread_count();
  for (int i = 0; i < kThreads; ++i) {
    std::thread([&] {
      one.local.get();
      two.local.set(1);
      two.local.remove();
      two.local.set(2);
    }).join();
  }
  EXPECT_EQ(tls::registry().thread_count(), before);
  EXPECT_EQ(one.removed, kThreads);
  EXPECT_EQ(two.removed, 2 * kThreads);
  tls::registry().audit();
  const FastThreadLocal<int> next;
  std::thread([&] { EXPECT_LE(tls::t_words.slot_count, 32U); }).join();
}

/// Writes by stdio, which a death test reads; static so that it outlives main's values.
FastThreadLocal<int>& speaking() {
  static auto* const local = new FastThreadLocal<int>(
      [] { return 1; }, [](int& value) { std::fprintf(stderr, "removed %d;", value); });
  return *local;
}

TEST(MainThreadDeathTest, ValuesGoAtExit) {
  EXPECT_EXIT(
      {
        speaking().set(7);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "removed 7;");
}

TEST(MainThreadDeathTest, ValuesGoBeforeStaticObjects) {
  struct Static {
    ~Static() { std::fprintf(stderr, "static destroyed;"); }
  };
  EXPECT_EXIT(
      {
        static const Static object;
        speaking().set(8);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "removed 8;static destroyed;");
}

TEST(MainThreadDeathTest, ValuesThatThreadLocalDestructorsMakeGoToo) {
  struct Object {
    int used = 0;
    ~Object() {
      std::fprintf(stderr, "thread_local destroyed;");
      speaking().set(9);
    }
  };
  EXPECT_EXIT(
      {
        thread_local Object object;  // older than the first value, so destroyed after it
        object.used = 1;
        speaking().set(1);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "removed 1;thread_local destroyed;removed 9;");
}

TEST(MainThreadDeathTest, UsableAfterItsValuesAreGone) {
  struct Static {
    ~Static() {
      speaking().set(3);
      std::fprintf(stderr, "used %d;", speaking().get());
    }
  };
  EXPECT_EXIT(
      {
        static const Static object;
        std::exit(0);
      },
      testing::ExitedWithCode(0), "used 3;");
}

TEST(ThreadExitDeathTest, AnExceptionFromOnRemovalEndsTheProgram) {
  const auto die = [] {
    FastThreadLocal<int> local([] { return 1; }, [](int&) { throw std::runtime_error("removal"); });
    std::thread([&] { local.get(); }).join();
  };
  EXPECT_DEATH(die(), "");
}

TEST(ThreadExitDeathTest, AnExceptionFromOnRemovalInTheDestructorEndsTheProgram) {
  const auto die = [] {
    FastThreadLocal<int> local([] { return 1; }, [](int&) { throw std::runtime_error("removal"); });
    local.get();
  };
  EXPECT_DEATH(die(), "");
}

}  // namespace
}  // namespace tarn
