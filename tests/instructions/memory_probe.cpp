// SPDX-License-Identifier: Apache-2.0
// What plain memory costs, taken and given back by one thread: memory_probe SIZE N.
#include <cstddef>
#include <cstdlib>
#include <tarn/allocator.hpp>
#include <thread>

namespace {

void take_and_release(tarn::PooledAllocator& allocator, std::size_t size, long count) {
  for (long i = 0; i < count; ++i) {
    void* memory = allocator.allocate(size);
    asm volatile("" : "+r"(memory) : : "memory");
    allocator.deallocate(memory, size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto size = static_cast<std::size_t>(std::atol(argv[1]));
  if (size == 0) return 2;
  std::thread([] {}).join();  // from here on the C library locks for real
  tarn::PooledAllocator allocator;
  take_and_release(allocator, size, 64);  // maps the chunk and fills the cache
  take_and_release(allocator, size, std::atol(argv[2]));
  return 0;
}
