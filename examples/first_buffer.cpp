// SPDX-License-Identifier: Apache-2.0
// The example of README.md: a message is received, cut up, and handed to another thread.
#include <cstdint>
#include <iostream>
#include <tarn/tarn.hpp>
#include <thread>
#include <utility>

int main() {
  tarn::PooledAllocator& allocator = tarn::PooledAllocator::shared();

  tarn::ByteBuf message = allocator.buffer(256);  // from this thread's cache; no lock, no malloc
  message.write_u16(5).write_bytes("hello").write_bytes("rest");

  const std::size_t length = message.read_u16();
  tarn::ByteBuf body = message.read_slice(length);  // shares the memory; nothing is copied
  message.release();                                // body keeps it alive

  std::thread worker([body = std::move(body)] {
    std::cout << body.to_string() << '\n';
  });  // the last share dies in the worker, and the memory goes back to this thread's cache
  worker.join();

  std::cout << allocator.stats().in_use_bytes << " bytes in use\n";
}
