// SPDX-License-Identifier: Apache-2.0
// Keeps threads on cores of their own. Program tarn.
#include "common/pinning.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

namespace tarn::tools {

namespace {

/// As it was when first asked for: a pinned thread's own set is smaller.
const cpu_set_t& cores_at_start() noexcept {
  static const cpu_set_t at_start = [] {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (::sched_getaffinity(0, sizeof(cores), &cores) != 0) CPU_SET(0, &cores);
    return cores;
  }();
  return at_start;
}

}  // namespace

std::size_t core_count() noexcept {
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&cores_at_start())));
}

void pin_this_thread(std::size_t thread) noexcept {
  std::size_t ahead = thread % core_count();
  for (std::size_t core = CPU_SETSIZE; core-- > 0;) {
    if (!CPU_ISSET(core, &cores_at_start())) continue;
    if (ahead-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::pthread_setaffinity_np(::pthread_self(), sizeof(one), &one);
    return;
  }
}

}  // namespace tarn::tools
