// SPDX-License-Identifier: Apache-2.0
// Cases of one thread that allocate and release. Program tarn.
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <tarn/allocator.hpp>
#include <vector>

#include "bench/bench_run.hpp"
#include "bench/pair_bodies.hpp"
#include "bench/subjects.hpp"

namespace tarn::tools {

namespace {

template <class Subject>
void record_pairs(BenchRun& run, const std::string& name, Subject subject) {
  run.record(name, [&](std::uint64_t n) { return take_and_give<false>(subject, run.size(), n); });
  run.record(name + "/touched",
             [&](std::uint64_t n) { return take_and_give<true>(subject, run.size(), n); });
}

}  // namespace

void run_pair(BenchRun& run) {
  if (run.is_tarn()) {
    PooledAllocator& allocator = PooledAllocator::shared();
    PoolResource resource(allocator);
    record_pairs(run, "buffer", BufferSubject(allocator));
    record_pairs(run, "memory", MemorySubject(allocator));
    record_pairs(run, "resource", ResourceSubject(resource));
  } else if (run.is_floor()) {
    record_pairs(run, "list", ListSubject<true>());
  } else {
    record_pairs(run, "malloc", MallocSubject());
    record_pairs(run, "shared", SharedBytesSubject());
    if (run.is_plain_malloc()) {
      std::pmr::synchronized_pool_resource locked;
      record_pairs(run, "pmr-sync", ResourceSubject(locked));
      std::pmr::unsynchronized_pool_resource unlocked;
      record_pairs(run, "pmr-unsync", ResourceSubject(unlocked));
    }
  }
}

void run_burst(BenchRun& run) {
  for_each_subject(run, [&](const char* name, auto subject) {
    run.record(name, [&](std::uint64_t n) { return burst<kBurst>(subject, run.size(), n); });
  });
}

namespace {

/// Samples `times` as long as usual: what allocators do now and then, such as giving memory back to
/// the system, belongs to what is measured.
void run_windows(BenchRun& run, std::size_t least, std::size_t most, std::uint64_t times) {
  const std::vector<std::uint32_t> sizes = log_uniform_sizes(least, most);
  for_each_subject(run, [&](const char* name, auto subject) {
    Window<decltype(subject)> window(subject, sizes, 0);
    run.record_laps(name, run.spec_times(times), [&](std::uint64_t n) {
      return timed([&](std::uint64_t count) { return window.lap(count); }, n);
    });
  });
}

}  // namespace

void run_window(BenchRun& run) { run_windows(run, kLeastSmall, kMostSmall, 4); }

void run_large_window(BenchRun& run) { run_windows(run, kLeastLarge, kMostLarge, 16); }

}  // namespace tarn::tools
