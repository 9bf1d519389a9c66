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

/// The value alone: nothing is said of memory. To clang it is a barrier for all memory all the
/// same; where what is measured keeps its state in memory, use derived_value().
template <class T>
[[nodiscard]] inline T opaque_value(T value) noexcept {
  asm volatile("" : "+r"(value));
  return value;
}

/// The value alone, of which the compiler knows only that it depends on `value`: it can neither
/// compute it nor join it with others, but may leave it out if nobody looks, or make it only once
/// of a value that never changes: give it one that comes from opaque_value() or from memory.
template <class T>
[[nodiscard]] inline T derived_value(T value) noexcept {
  asm("" : "+r"(value));
  return value;
}

/// The object is in memory now, whole, and anything may have been done to it.
template <class T>
inline void keep(T& object) noexcept {
  asm volatile("" : "+m"(object) : : "memory");
}

}  // namespace tarn::tools
