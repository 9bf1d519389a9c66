// SPDX-License-Identifier: Apache-2.0
// What a whole buffer costs, taken and released by one thread: byte_buf_probe [heap_]SIZE N.
#include <cstddef>
#include <tarn/allocator.hpp>

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
  return tarn::test::run_sized_case(argc, argv, take_and_release<tarn::MemoryKind::direct>,
                                    take_and_release<tarn::MemoryKind::heap>);
}
