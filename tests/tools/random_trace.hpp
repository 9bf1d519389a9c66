// SPDX-License-Identifier: Apache-2.0
// Well-formed traces of random calls. Tests of the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "trace_builder.hpp"

namespace tarn::tools {

/// A trace of about `events` calls of every kind by `threads` threads, sizes up to `max_size`, with
/// a prologue, a window and an epilogue.
inline TraceBuilder random_trace(std::uint32_t seed, unsigned threads, std::size_t events,
                                 std::uint64_t max_size) {
  std::minstd_rand rng(seed + 1);
  const auto below = [&](std::uint64_t bound) { return rng() % bound; };
  TraceBuilder trace;
  std::vector<std::pair<std::uint64_t, unsigned>> live;  // object, thread; oldest first
  unsigned seen = 0;
  const auto any_thread = [&] {  // numbered by first appearance
    const auto thread = static_cast<unsigned>(below(std::min(seen + 1, threads)));
    seen = std::max(seen, thread + 1);
    return thread;
  };
  const auto begin = [&](unsigned thread) { live.emplace_back(trace.objects() - 1, thread); };
  const auto allocate = [&](std::uint64_t us) {
    const unsigned thread = any_thread();
    const std::uint64_t size = below(8) == 0 ? below(4) : below(max_size + 1);
    const auto op = below(3);
    if (op == 0) trace.malloc(thread, size, us);
    if (op == 1) trace.calloc(thread, size, us);
    if (op == 2) trace.memalign(thread, static_cast<unsigned>(below(9)), size, us);
    begin(thread);
  };
  for (std::size_t i = 0; i < events / 8; ++i) allocate(0);
  trace.end_prologue();
  for (std::size_t i = events / 8; i < events; ++i) {
    const std::uint64_t us = i == 0 ? 0 : below(300);
    if (live.empty() || below(2) == 0) {
      allocate(us);
      continue;
    }
    const std::size_t victim = below(live.size());
    const std::uint64_t object = live[victim].first;
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(victim));
    const unsigned thread = any_thread();
    if (below(4) == 0) {
      trace.realloc(thread, object, below(max_size + 1), us);
      begin(thread);
    } else {
      trace.free(thread, object, us);
    }
  }
  trace.begin_epilogue();
  for (const auto& [object, thread] : live) trace.free(thread, object);
  return trace;
}

}  // namespace tarn::tools
