// SPDX-License-Identifier: Apache-2.0
// Makes operator new fail on demand, and counts its calls, in this thread. Include it in one source
// of a test program only. Test support.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace tarn::testing_support {

/// While it lives, the `nth` allocation of this thread by operator new, and every later one, fails.
class FailingNew {
 public:
  explicit FailingNew(int nth) { countdown() = nth; }
  ~FailingNew() { countdown() = 0; }
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;

  /// Whether the allocation that asks is to fail.
  [[nodiscard]] static bool fails() noexcept {
    int& left = countdown();
    if (left == 0) return false;
    if (left > 1) {
      --left;
      return false;
    }
    return true;
  }

 private:
  static int& countdown() noexcept {
    static thread_local int left = 0;
    return left;
  }
};

/// Calls of operator new by this thread so far, those that failed included.
inline std::size_t& calls_of_new() noexcept {
  static thread_local std::size_t calls = 0;
  return calls;
}

inline void* allocate_or_null(std::size_t size, std::size_t alignment) noexcept {
  ++calls_of_new();
  if (FailingNew::fails()) return nullptr;
  if (size == 0) size = 1;
  return std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
}

inline void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const memory = allocate_or_null(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace tarn::testing_support

// The sanitizers see these through aligned_alloc and free; the array forms call them. So would the
// nothrow ones of libstdc++, but clang links the sanitizers' own into the program.
// Never inline: gcc would see free() given what operator new returned.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return tarn::testing_support::allocate_or_throw(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return tarn::testing_support::allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return tarn::testing_support::allocate_or_null(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return tarn::testing_support::allocate_or_null(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
