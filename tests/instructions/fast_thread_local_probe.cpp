// SPDX-License-Identifier: Apache-2.0
// Probe: what reading a thread's value costs, and what the ways around FastThreadLocal do (S4-22).
#include <pthread.h>

#include <cstdlib>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "tarn/fast_thread_local.hpp"

namespace {

// Out of line, so that each operation reads everything anew, as in a program that does other
// things in between; the call and return count.
[[gnu::noinline]] int* get(tarn::FastThreadLocal<int>& from) { return &from.get(); }
[[gnu::noinline]] int* get_if_exists(tarn::FastThreadLocal<int>& from) {
  return from.get_if_exists();
}
[[gnu::noinline]] void set(tarn::FastThreadLocal<int>& to) { to.set(1); }
[[gnu::noinline]] void* get_specific(pthread_key_t key) { return ::pthread_getspecific(key); }
// A value per thread and object without FastThreadLocal: a map in each thread.
[[gnu::noinline]] int* find_in_map(const void* object) {
  thread_local std::unordered_map<const void*, int> values;
  return &values[object];
}

template <class Operation>
void repeat(long count, Operation operation) {
  for (long i = 0; i < count; ++i) {
    auto* const result = operation();
    asm volatile("" ::"r"(result) : "memory");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  const long count = std::atol(argv[2]);
  std::thread([] {}).join();  // from here on the C library locks
  tarn::FastThreadLocal<int> local;
  local.set(1);
  pthread_key_t key{};
  if (::pthread_key_create(&key, nullptr) != 0) return 1;
  ::pthread_setspecific(key, &key);
  find_in_map(&key);

  if (name == "get") {
    repeat(count, [&] { return get(local); });
  } else if (name == "get_if_exists") {
    repeat(count, [&] { return get_if_exists(local); });
  } else if (name == "set") {
    repeat(count, [&] {
      set(local);
      return &local;
    });
  } else if (name == "pthread_getspecific") {
    repeat(count, [key] { return get_specific(key); });
  } else if (name == "thread_local_map") {
    repeat(count, [&key] { return find_in_map(&key); });
  } else {
    return 2;
  }
  return 0;
}
