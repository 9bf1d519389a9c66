// SPDX-License-Identifier: Apache-2.0
// What it costs to give plain memory another size class: reallocate_probe [heap_]SIZE N, twice SIZE
// and SIZE in turn. The copy is a part of it.
#include <cstddef>
#include <tarn/allocator.hpp>

#include "sized_case.hpp"

namespace {

template <tarn::MemoryKind kKind>
void resize(tarn::PooledAllocator& allocator, std::size_t size, long count) {
  std::size_t from = size;
  std::size_t to = 2 * size;
  void* memory = allocator.allocate(from, 16, kKind);
  for (long i = 0; i < count; ++i) {
    memory = allocator.reallocate(memory, from, to);
    const std::size_t now = to;
    to = from;
    from = now;
  }
  allocator.deallocate(memory, from);
}

}  // namespace

int main(int argc, char** argv) {
  return tarn::test::run_sized_case(argc, argv, resize<tarn::MemoryKind::direct>,
                                    resize<tarn::MemoryKind::heap>);
}
