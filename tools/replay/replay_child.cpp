// SPDX-License-Identifier: Apache-2.0
// What a child process does for `tarn replay`. Program tarn.
#include "replay/replay_child.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <tarn/allocator.hpp>

#include "common/child.hpp"
#include "common/exit_status.hpp"
#include "common/resident.hpp"
#include "common/text.hpp"
#include "replay/backends.hpp"
#include "replay/performance.hpp"
#include "replay/script.hpp"

namespace tarn::tools {

namespace {

/// What must hold after everything has been freed and trimmed; empty when it does.
std::string broken_promise(const PooledAllocatorStats& stats, std::size_t chunk_size) {
  std::uint64_t arenas_in_use = 0;
  for (const auto* arenas : {&stats.heap_arenas, &stats.direct_arenas}) {
    for (const ArenaStats& arena : *arenas) arenas_in_use += arena.chunks != 0 ? 1 : 0;
  }
  const std::uint64_t may_be_mapped = arenas_in_use * chunk_size;
  if (stats.in_use_bytes == 0 && stats.cached_bytes == 0 && stats.pending_bytes == 0 &&
      stats.huge_bytes == 0 && stats.mapped_bytes <= may_be_mapped) {
    return {};
  }
  return concat("after trim_all in use ", stats.in_use_bytes, ", cached ", stats.cached_bytes,
                ", pending ", stats.pending_bytes, ", huge ", stats.huge_bytes, ", mapped ",
                stats.mapped_bytes, " bytes; allowed: 0, 0, 0, 0 and ", may_be_mapped, " (",
                arenas_in_use, " arenas with a chunk of ", chunk_size, ")");
}

/// The measuring that is common to all backends.
template <class Backend, bool kThreaded, bool kMeasured>
class Run {
 public:
  explicit Run(const SharedBlock& block) : result_(result_of(block)), performance_(block) {}

  void with_tarn() {
    MemoryWatch watch;  // before the allocator: its own tables count as its memory
    PooledAllocator allocator;
    PooledAllocatorStats before_window;
    performance_.run(Backend(allocator), &watch, [&](std::size_t phase) {
      if (phase == kWindow) before_window = allocator.stats();
      if (phase != kWindow + 1) return;
      const PooledAllocatorStats after_window = allocator.stats();
      result_.cache_hits = after_window.cache_hits - before_window.cache_hits;
      result_.cache_misses = after_window.cache_misses - before_window.cache_misses;
    });
    allocator.trim_all();
    copy_text(result_.fault,
              broken_promise(allocator.stats(),
                             allocator.options().page_size << allocator.options().max_order));
    take_figures(watch);
  }

  void with_malloc(const Backend& backend) {
    MemoryWatch watch;
    performance_.run(backend, &watch, [](std::size_t) {});
    trim_malloc();
    take_figures(watch);
  }

 private:
  void take_figures(const MemoryWatch& watch) {
    if (!kMeasured) return;
    result_.peak_live_bytes = watch.peak_live();
    result_.peak_resident_bytes = watch.peak_resident();
    result_.resident_after_trim_bytes = watch.above_start();
  }

  ReplayResult& result_;
  Performance<Backend, kThreaded, kMeasured> performance_;
};

template <bool kThreaded, bool kMeasured, MemoryKind kKind>
void run_kind(const SharedBlock& block) {
  const ReplayRequest& request = request_of(block);
  const bool memory = request.mode == ReplayMode::memory;
  if (request.tarn && memory) {
    Run<TarnMemory<kKind>, kThreaded, kMeasured>(block).with_tarn();
  } else if (request.tarn) {
    Run<Buffers<PooledAllocator, kKind>, kThreaded, kMeasured>(block).with_tarn();
  } else if (memory) {
    Run<MallocMemory, kThreaded, kMeasured>(block).with_malloc(MallocMemory());
  } else {
    using Backend = Buffers<MallocAllocator, kKind>;
    MallocAllocator allocator;
    Run<Backend, kThreaded, kMeasured>(block).with_malloc(Backend(allocator));
  }
}

template <bool kThreaded, bool kMeasured>
void run_threads(const SharedBlock& block) {
  if (request_of(block).kind == ReplayKind::heap) {
    run_kind<kThreaded, kMeasured, MemoryKind::heap>(block);
  } else {
    run_kind<kThreaded, kMeasured, MemoryKind::direct>(block);
  }
}

void run(const SharedBlock& block) {
  const ReplayRequest& request = request_of(block);
  if (request.recorded_threads) {
    request.measured ? run_threads<true, true>(block) : run_threads<true, false>(block);
  } else {
    request.measured ? run_threads<false, true>(block) : run_threads<false, false>(block);
  }
}

}  // namespace

void refuse_step(ReplayResult& result, const Step& step, const char* why) noexcept {
  static std::atomic_flag refused;
  // Only the first of several threads reports; the others wait for the end that it brings.
  while (refused.test_and_set(std::memory_order_relaxed)) ::pause();
  std::snprintf(result.fault, sizeof(result.fault),
                "object %u of %zu bytes, aligned to %zu, is refused: %s", step.object(),
                step.size(), step.alignment(), why);
  result.end = ReplayResult::End::refused;
  std::_Exit(kExitDone);
}

int replay_child() {
  follow_parent();
  const SharedBlock block = SharedBlock::adopt(kChildBlockFd);
  ReplayResult& result = result_of(block);
  const std::string foreign = foreign_malloc(request_of(block).preload);
  if (!foreign.empty()) {
    copy_text(result.fault, foreign);
    result.end = ReplayResult::End::refused;
    return kExitDone;
  }
  run(block);
  result.end = ReplayResult::End::done;
  return kExitDone;
}

}  // namespace tarn::tools
