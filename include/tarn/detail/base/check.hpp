// SPDX-License-Identifier: Apache-2.0
// Assertions of two levels, and the one way in which tarn ends the program. Layer base.
#pragma once

// Here, as every header that would fail to compile has this one before it.
#if __cplusplus < 202002L
#error "tarn needs C++20 or later: -std=c++20"
#endif

namespace tarn::base {

/// Reports a broken invariant and aborts; the cold half of TARN_CHECK and TARN_ASSERT.
[[noreturn, gnu::cold]] void check_failed(const char* text, const char* file, int line) noexcept;

/// Reports misuse that could corrupt memory, then aborts; on in release builds too.
///
/// One line, "tarn: fatal: <what> at 0x<address> <detail>", goes to stderr by write(2); the user's
/// log sink gets it as an error, unless somebody is inside the sink. No allocation, no lock waited
/// for. A null `address` is left out.
[[noreturn, gnu::cold]] void fatal(const char* what, const void* address = nullptr,
                                   const char* detail = "") noexcept;

}  // namespace tarn::base

/// Always on: for what would corrupt memory if it did not hold. One predicted branch.
#define TARN_CHECK(condition)                          \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::tarn::base::check_failed(#condition, __FILE__, __LINE__))

/// On in debug builds; under NDEBUG the condition is still compiled, but never evaluated.
#ifdef NDEBUG
#define TARN_ASSERT(condition) \
  (false ? static_cast<void>(static_cast<bool>(condition)) : static_cast<void>(0))
#else
#define TARN_ASSERT(condition) TARN_CHECK(condition)
#endif
