// SPDX-License-Identifier: Apache-2.0
// A plugin with tarn linked in: buffers, plain memory and thread-locals, from any thread.
#include <algorithm>
#include <cstddef>
#include <tarn/tarn.hpp>
#include <vector>

namespace {

tarn::PooledAllocator& allocator() {
  static tarn::PooledAllocator instance;
  return instance;
}

tarn::FastThreadLocal<int>& calls_of_this_thread() {
  static tarn::FastThreadLocal<int> instance;
  return instance;
}

/// Whether every byte of many live buffers is still what was written there.
bool buffers_keep_their_bytes(int seed) {
  std::vector<tarn::ByteBuf> buffers;
  for (std::size_t i = 0; i < 64; ++i) {
    tarn::ByteBuf buffer = allocator().buffer(16U << (i % 12));
    std::ranges::fill(buffer.writable(), static_cast<std::byte>(seed + static_cast<int>(i)));
    buffer.advance(buffer.capacity());
    buffers.push_back(std::move(buffer));
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const auto wanted = static_cast<std::byte>(seed + static_cast<int>(i));
    const auto readable = buffers[i].readable();
    if (!std::ranges::all_of(readable, [=](std::byte b) { return b == wanted; })) return false;
  }
  return true;
}

}  // namespace

/// How many calls this thread has made, this one included; negative when something was wrong.
extern "C" [[gnu::visibility("default")]] int plugin_work(int seed) {
  void* const memory = allocator().allocate(100);
  const bool good = buffers_keep_their_bytes(seed);
  allocator().deallocate(memory, 100);
  return good ? ++calls_of_this_thread().get() : -1;
}
