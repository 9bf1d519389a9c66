// SPDX-License-Identifier: Apache-2.0
// What plain memory costs, taken and given back by one thread: memory_probe [heap_]SIZE N.
#include <cstddef>
#include <tarn/allocator.hpp>

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
  return tarn::test::run_sized_case(argc, argv, take_and_give<tarn::MemoryKind::direct>,
                                    take_and_give<tarn::MemoryKind::heap>);
}
