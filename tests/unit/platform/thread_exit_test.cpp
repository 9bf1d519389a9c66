// SPDX-License-Identifier: Apache-2.0
// Callbacks at the end of every kind of thread.
#include "tarn/detail/platform/thread_exit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace tarn::platform {
namespace {

/// What happened, in order. Written by one thread at a time: the tests join.
std::string& events() {
  static std::string text;
  return text;
}
void note(void* word) { events() += static_cast<const char*>(word); }
void at_exit(const char* word) { call_at_thread_exit(note, const_cast<char*>(word)); }

class ThreadExit : public testing::Test {
 protected:
  ThreadExit() { events().clear(); }
};
using ThreadExitDeathTest = ThreadExit;

template <class F>
void in_thread(F body) {
  std::thread(body).join();
}

struct SaysGoodbye {
  const char* word;
  explicit SaysGoodbye(const char* text) : word(text) {}
  ~SaysGoodbye() { events() += word; }
};

TEST_F(ThreadExit, CallsOnceInTheThreadThatEnds) {
  static pthread_t caller;
  static int calls;
  calls = 0;
  pthread_t thread{};
  in_thread([&thread] {
    thread = ::pthread_self();
    call_at_thread_exit(
        [](void*) {
          caller = ::pthread_self();
          ++calls;
        },
        nullptr);
    EXPECT_EQ(calls, 0);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(::pthread_equal(caller, thread));
}

TEST_F(ThreadExit, CallsTheNewestFirst) {
  in_thread([] {
    at_exit("a");
    at_exit("b");
    at_exit("c");
  });
  EXPECT_EQ(events(), "cba");
}

TEST_F(ThreadExit, ComesAfterThreadLocalsThatAreMadeBeforeOrAfter) {
  in_thread([] {
    static thread_local const SaysGoodbye before("before ");
    static_cast<void>(before.word);
    at_exit("callback");
    static thread_local const SaysGoodbye after("after ");
    static_cast<void>(after.word);
  });
  EXPECT_EQ(events(), "after before callback");
}

TEST_F(ThreadExit, WorksInABarePthreadAndAtPthreadExit) {
  for (const bool by_exit : {false, true}) {
    events().clear();
    pthread_t thread{};
    bool exits = by_exit;
    ASSERT_EQ(::pthread_create(
                  &thread, nullptr,
                  [](void* flag) -> void* {
                    at_exit("callback");
                    if (*static_cast<bool*>(flag)) ::pthread_exit(nullptr);
                    return nullptr;
                  },
                  &exits),
              0);
    ASSERT_EQ(::pthread_join(thread, nullptr), 0);
    EXPECT_EQ(events(), "callback");
  }
}

TEST_F(ThreadExit, ACallbackMayRegisterAnother) {
  // Well beyond the four rounds that the C library grants to destructors of keys.
  static int left;
  left = 20;
  struct Again {
    static void run(void*) {
      events() += ".";
      if (--left > 0) call_at_thread_exit(run, nullptr);
    }
  };
  in_thread([] {
    at_exit("first registered, last called");
    call_at_thread_exit(Again::run, nullptr);
  });
  EXPECT_EQ(events(), std::string(20, '.').append("first registered, last called"));
}

TEST_F(ThreadExit, AThreadLocalsDestructorMayRegister) {
  struct Registers {
    bool used = true;
    ~Registers() { at_exit("late"); }
  };
  in_thread([] {
    static thread_local const Registers registers;
    static_cast<void>(registers.used);
  });
  EXPECT_EQ(events(), "late");
}

// A foreign library's key, whose destructor may come after ours and use tarn once more.
TEST_F(ThreadExit, AForeignKeysDestructorMayRegister) {
  pthread_key_t key{};
  ASSERT_EQ(::pthread_key_create(&key, [](void*) { at_exit("late"); }), 0);
  in_thread([key] {
    at_exit("early ");
    ::pthread_setspecific(key, "anything");
  });
  ::pthread_key_delete(key);
  // Whose destructor the C library calls first depends on which key is older: the test's or ours.
  EXPECT_THAT(events(), testing::AnyOf("early late", "lateearly "));
}

TEST_F(ThreadExit, ManyThreadsEndAtOnce) {
  static std::atomic<int> calls;
  calls = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 10; ++i) {
        call_at_thread_exit([](void*) { calls.fetch_add(1, std::memory_order_relaxed); }, nullptr);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.load(), 640);
}

/// The main thread's end needs a process that ends. A death test's child runs its statement in the
/// main thread of a fork.
void print(void* word) { std::fprintf(stderr, "%s ", static_cast<const char*>(word)); }
void print_at_exit(const char* word) { call_at_thread_exit(print, const_cast<char*>(word)); }

struct PrintsGoodbye {
  const char* word;
  explicit PrintsGoodbye(const char* text) : word(text) {}
  ~PrintsGoodbye() { print(const_cast<char*>(word)); }
};

TEST_F(ThreadExitDeathTest, TheMainThreadCallsWithItsThreadLocalsAtExit) {
  EXPECT_EXIT(
      {
        static const PrintsGoodbye static_object("static");
        static thread_local const PrintsGoodbye before("before");
        static_cast<void>(before.word);
        print_at_exit("callback");
        static thread_local const PrintsGoodbye after("after");
        static_cast<void>(after.word);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "^after callback before static $");
}

TEST_F(ThreadExitDeathTest, InTheMainThreadToo_ACallbackMayRegisterAnother) {
  EXPECT_EXIT(
      {
        call_at_thread_exit([](void*) { print_at_exit("second"); }, nullptr);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "^second $");
}

// When every key of the process is taken, the runtime's list of thread_locals has to do.
TEST_F(ThreadExitDeathTest, WorksWithoutAKeyOfItsOwn) {
  EXPECT_EXIT(
      {
        pthread_key_t key{};
        while (::pthread_key_create(&key, nullptr) == 0) {
        }
        std::thread([] { print_at_exit("callback"); }).join();
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "^callback $");
}

// Threads that end while static objects are destroyed are still served.
TEST_F(ThreadExitDeathTest, ServesThreadsThatStaticDestructorsJoin) {
  EXPECT_EXIT(
      {
        static struct Joins {
          ~Joins() {
            std::thread([] { print_at_exit("callback"); }).join();
          }
        } joins;
        std::exit(0);
      },
      testing::ExitedWithCode(0), "^callback $");
}

}  // namespace
}  // namespace tarn::platform
