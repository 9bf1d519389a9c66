// SPDX-License-Identifier: Apache-2.0
// How much of a long test a build can afford. Test support.
#pragma once

namespace tarn::test {

/// `full` where code runs at full speed; a share of it in debug builds and under sanitizers.
template <class T>
[[nodiscard]] constexpr T scaled(T full) noexcept {
#if defined(__SANITIZE_THREAD__)
  return full / 20;
#elif defined(__SANITIZE_ADDRESS__)
  return full / 20;
#elif !defined(NDEBUG)
  return full / 10;
#else
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return full / 20;
#else
  return full;
#endif
#else
  return full;
#endif
#endif
}

}  // namespace tarn::test
