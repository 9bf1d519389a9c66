// SPDX-License-Identifier: Apache-2.0
// Probes whose case is a size and a kind of memory.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <tarn/allocator.hpp>
#include <thread>

namespace tarn::test {

/// Takes and gives back `size` bytes of an allocator, `count` times.
using SizedRun = void (*)(PooledAllocator& allocator, std::size_t size, long count);

/// The main function of `probe CASE N`: "16384" is direct memory, "heap_16384" is heap memory.
inline int run_sized_case(int argc, char** argv, SizedRun direct, SizedRun heap) {
  constexpr std::string_view kHeap = "heap_";
  if (argc != 3) return 2;
  const bool is_heap = std::string_view(argv[1]).starts_with(kHeap);
  const char* const digits = argv[1] + (is_heap ? kHeap.size() : 0);
  const auto size = static_cast<std::size_t>(std::atol(digits));
  if (size == 0) return 2;
  std::thread([] {}).join();  // from here on the C library locks for real
  PooledAllocator allocator;
  const SizedRun run = is_heap ? heap : direct;
  run(allocator, size, 64);  // maps the chunk and fills the cache
  run(allocator, size, std::atol(argv[2]));
  return 0;
}

}  // namespace tarn::test
