// SPDX-License-Identifier: Apache-2.0
// What plain memory costs, taken and given back by one thread: memory_probe [heap_]SIZE N.
#include <cstddef>
#include <cstdlib>
#include <tarn/allocator.hpp>
#include <thread>

#include "sized_case.hpp"

namespace {

constexpr std::size_t kAlignment = 16;  // bytes: what every region has

template <tarn::MemoryKind kKind>
void take_and_give(tarn::PooledAllocator& allocator, std::size_t size, long count) {
  for (long i = 0; i < count; ++i) {
    void* memory = allocator.allocate(size, kAlignment, kKind);
    asm volatile("" : "+r"(memory) : : "memory");
    allocator.deallocate(memory, size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const tarn::test::SizedCase asked(argv[1]);
  if (asked.size == 0) return 2;
  std::thread([] {}).join();  // from here on the C library locks for real
  tarn::PooledAllocator allocator;
  auto* const run = asked.kind == tarn::MemoryKind::heap ? take_and_give<tarn::MemoryKind::heap>
                                                         : take_and_give<tarn::MemoryKind::direct>;
  run(allocator, asked.size, 64);  // maps the chunk and fills the cache
  run(allocator, asked.size, std::atol(argv[2]));
  return 0;
}
