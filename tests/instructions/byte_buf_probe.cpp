// SPDX-License-Identifier: Apache-2.0
// What a whole buffer costs, taken and released by one thread: byte_buf_probe [heap_]SIZE N.
#include <cstddef>
#include <cstdlib>
#include <tarn/allocator.hpp>
#include <thread>

#include "sized_case.hpp"

namespace {

template <tarn::MemoryKind kKind>
void take_and_release(tarn::PooledAllocator& allocator, std::size_t size, long count) {
  for (long i = 0; i < count; ++i) {
    const tarn::ByteBuf buffer = kKind == tarn::MemoryKind::heap ? allocator.heap_buffer(size)
                                                                 : allocator.direct_buffer(size);
    asm volatile("" ::"r"(buffer.data()) : "memory");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const tarn::test::SizedCase asked(argv[1]);
  if (asked.size == 0) return 2;
  std::thread([] {}).join();  // from here on the C library locks for real
  tarn::PooledAllocator allocator;
  auto* const run = asked.kind == tarn::MemoryKind::heap
                        ? take_and_release<tarn::MemoryKind::heap>
                        : take_and_release<tarn::MemoryKind::direct>;
  run(allocator, asked.size, 64);  // maps the chunk and fills the cache
  run(allocator, asked.size, std::atol(argv[2]));
  return 0;
}
