// SPDX-License-Identifier: Apache-2.0
// Keeps the compiler from leaving out what is measured. Program tarn.
#pragma once

namespace tarn::tools {

/// The value, of which the compiler knows nothing any more; all memory may have been read and
/// written in between, as by the program that uses it.
template <class T>
[[nodiscard]] inline T opaque(T value) noexcept {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

/// The value alone: nothing is said of memory.
template <class T>
[[nodiscard]] inline T opaque_value(T value) noexcept {
  asm volatile("" : "+r"(value));
  return value;
}

/// The object is in memory now, whole, and anything may have been done to it.
template <class T>
inline void keep(T& object) noexcept {
  asm volatile("" : "+m"(object) : : "memory");
}

}  // namespace tarn::tools
