// SPDX-License-Identifier: Apache-2.0
// What a buffer's user does most: numbers in and out, a share or a slice made and dropped.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "tarn/byte_buf.hpp"

namespace {

// The loop, and going back to the start of the memory now and then, cost three or four
// instructions.
void read_u32(tarn::ByteBuf& buf, long count) {
  for (long i = 0; i < count; ++i) {
    if (!buf.is_readable(4)) [[unlikely]]
      buf.reader_index(0);
    const std::uint32_t value = buf.read_u32();
    asm volatile("" ::"r"(value) : "memory");
  }
}

void write_u32(tarn::ByteBuf& buf, long count) {
  for (long i = 0; i < count; ++i) {
    if (!buf.is_writable(4)) [[unlikely]]
      buf.clear();
    buf.write_u32(static_cast<std::uint32_t>(i));
    asm volatile("" ::: "memory");
  }
}

void get_u32(const tarn::ByteBuf& buf, long count) {
  for (long i = 0; i < count; ++i) {
    const std::uint32_t value = buf.get_u32(static_cast<std::size_t>(i) % 1024);
    asm volatile("" ::"r"(value) : "memory");
  }
}

void share(const tarn::ByteBuf& buf, long count) {
  for (long i = 0; i < count; ++i) {
    const tarn::ByteBuf other = buf;
    asm volatile("" ::"r"(&other) : "memory");
  }
}

void slice(const tarn::ByteBuf& buf, long count) {
  for (long i = 0; i < count; ++i) {
    const tarn::ByteBuf other = buf.slice(16, 64);
    asm volatile("" ::"r"(&other) : "memory");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  const long count = std::atol(argv[2]);
  std::thread([] {}).join();  // without a second thread, libstdc++ leaves locks out
  static std::array<std::byte, 65536> memory;
  tarn::ByteBuf buf = tarn::ByteBuf::wrap(memory);
  if (name == "read_u32") {
    read_u32(buf, count);
  } else if (name == "write_u32") {
    write_u32(buf.clear(), count);
  } else if (name == "get_u32") {
    get_u32(buf, count);
  } else if (name == "share") {
    share(buf, count);
  } else if (name == "slice") {
    slice(buf, count);
  } else {
    return 2;
  }
  return 0;
}
