// SPDX-License-Identifier: Apache-2.0
// Whether a test is built with a sanitizer, for counts that would take too long under one.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TARN_UNDER_TSAN 1
#endif
#if __has_feature(address_sanitizer)
#define TARN_UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(TARN_UNDER_TSAN)
#define TARN_UNDER_TSAN 1
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(TARN_UNDER_ASAN)
#define TARN_UNDER_ASAN 1
#endif

#ifndef TARN_UNDER_TSAN
#define TARN_UNDER_TSAN 0
#endif
#ifndef TARN_UNDER_ASAN
#define TARN_UNDER_ASAN 0
#endif
#define TARN_UNDER_SANITIZER (TARN_UNDER_TSAN || TARN_UNDER_ASAN)
