// SPDX-License-Identifier: Apache-2.0
// What tells whether an object comes back to the thread that it was made for. Layer: recycler.
#pragma once

#include <cstdint>

#include "tarn/detail/tls/slots.hpp"

namespace tarn::recycler {

/// A number that is unique among living threads, never 0, and the same for all of a thread's life.
///
/// Read anew at each call: a compiler may keep the address of a thread_local in a coroutine's frame
/// or across a fibre's switch, and an object that comes back in another thread would then look as
/// if it had come back in its own.
/// @complexity one load.
[[nodiscard]] inline std::uintptr_t thread_pointer() noexcept {
#if defined(__x86_64__) && defined(__LP64__)
  std::uintptr_t self;
  asm volatile("movq %%fs:0, %0" : "=r"(self));
  return self;
#elif defined(__aarch64__)
  std::uintptr_t self;
  asm volatile("mrs %0, tpidr_el0" : "=r"(self));
  return self;
#else
  return reinterpret_cast<std::uintptr_t>(tls::thread_token());
#endif
}

/// Whether `owner` is the calling thread's thread_pointer(). @complexity a comparison.
[[nodiscard]] [[gnu::always_inline]] inline bool is_this_thread(std::uintptr_t owner) noexcept {
#if defined(__x86_64__) && defined(__LP64__)
  bool same;
  asm volatile("cmpq %%fs:0, %1" : "=@cce"(same) : "r"(owner));
  return same;
#else
  return owner == thread_pointer();
#endif
}

}  // namespace tarn::recycler
