// SPDX-License-Identifier: Apache-2.0
// What plain memory costs, taken and given back by one thread: memory_probe [heap_]SIZE N, and
// aligned_memory_probe for memory at a multiple of 64.
#include <cstddef>
#include <tarn/allocator.hpp>

#include "sized_case.hpp"

namespace {

// Bytes; 16 is what every region has.
#ifdef TARN_PROBE_ALIGNMENT
constexpr std::size_t kAlignment = TARN_PROBE_ALIGNMENT;
#else
constexpr std::size_t kAlignment = 16;
#endif

template <tarn::MemoryKind kKind>
void take_and_give(tarn::PooledAllocator& allocator, std::size_t size, long count) {
  for (long i = 0; i < count; ++i) {
    void* memory = allocator.allocate(size, kAlignment, kKind);
    asm volatile("" : "+r"(memory) : : "memory");
    allocator.deallocate(memory, size, kAlignment);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return tarn::test::run_sized_case(argc, argv, take_and_give<tarn::MemoryKind::direct>,
                                    take_and_give<tarn::MemoryKind::heap>);
}
