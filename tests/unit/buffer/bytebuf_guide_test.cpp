// SPDX-License-Identifier: Apache-2.0
// The code of docs/bytebuf.md, compiled and run. Each block of the page stands here word for word.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tarn/tarn.hpp"

namespace {

using tarn::ByteBuf;
using tarn::CompositeByteBuf;
using tarn::PooledAllocator;

PooledAllocator& allocator() { return PooledAllocator::shared(); }

TEST(BytebufGuide, Sharing) {
  ByteBuf message = allocator().buffer();
  message.write_bytes("header body");

  ByteBuf copy = message;              // shares: ref_count() is 2
  ByteBuf body = message.slice(7, 4);  // shares: a window of 4 bytes
  ByteBuf own = message.copy();        // copies the bytes
  message.set_u8(7, 'B');              // seen by copy and body, not by own

  EXPECT_EQ(body.to_string(), "Body");
  EXPECT_EQ(own.to_string(), "header body");
  EXPECT_EQ(copy.ref_count(), 3U);
}

TEST(BytebufGuide, CopyOnWrite) {
  ByteBuf shared = ByteBuf::wrap_copy("shared by many");
  const ByteBuf other = shared;

  shared.make_unique();   // copies, because another ByteBuf looks at the memory
  shared.set_u8(0, 'S');  // so that nobody else sees this

  EXPECT_EQ(other.to_string(), "shared by many");
  EXPECT_EQ(shared.to_string(), "Shared by many");
}

TEST(BytebufGuide, Threads) {
  ByteBuf frame = ByteBuf::wrap_copy("work for another thread");
  std::thread worker([part = frame.slice(0, 4)] { EXPECT_EQ(part.to_string(), "work"); });
  frame.release();  // the memory lives until the worker's slice is gone
  worker.join();
}

TEST(BytebufGuide, Sparse) {
  ByteBuf large = allocator().buffer(65536);
  large.write_zero(65536);
  large.set_bytes(100, "the key that is ");
  const std::byte* const in_large = large.readable().data() + 100;
  ByteBuf key = large.slice(100, 16);
  large.release();          // 64 KiB stay, for 16 bytes
  key.compact_if_sparse();  // moves to memory of its own size: the 64 KiB go back

  EXPECT_EQ(key.capacity(), 16U);
  EXPECT_NE(key.readable().data(), in_large);
  EXPECT_EQ(key.to_string(), "the key that is ");
}

TEST(BytebufGuide, HeaderBeforeBody) {
  ByteBuf packet = allocator().buffer(1500);
  packet.reserve_headroom(8);  // room for what is known only later
  packet.write_bytes("the body");
  const auto length = static_cast<std::uint32_t>(packet.readable_bytes());

  std::vector<unsigned char> header{'L', 'E', 'N', static_cast<unsigned char>(length)};
  packet.prepend(header);  // no byte of the body moves

  EXPECT_EQ(packet.readable_bytes(), 12U);
}

TEST(BytebufGuide, Composite) {
  CompositeByteBuf response;
  response.add_components(ByteBuf::wrap("HTTP/1.1 200 OK\r\n\r\n"), ByteBuf::wrap_copy("body"));

  EXPECT_EQ(response.readable_bytes(), 23U);
  EXPECT_EQ(tarn::iovecs(response).size(), 2U);  // one writev sends both
}

TEST(BytebufGuide, Frames) {
  ByteBuf received = ByteBuf::from_hex(
      "0003616263"
      "0002");
  std::vector<ByteBuf> frames;
  while (received.is_readable(2)) {
    const std::size_t length = received.get_u16(received.reader_index());
    if (!received.is_readable(2 + length)) break;  // more to come
    frames.push_back(received.skip(2).read_slice(length));
  }
  received.discard_read_bytes();

  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].to_string(), "abc");
}

TEST(BytebufGuide, Sockets) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);

  ByteBuf out = ByteBuf::wrap_copy("ping");
  const tarn::IoResult sent = out.send_to(ends[0]);  // would_block: what is left stays readable

  ByteBuf in = allocator().buffer();
  const tarn::IoResult got = in.receive_from(ends[1], 4096);

  EXPECT_EQ(sent.status, tarn::IoStatus::done);
  EXPECT_EQ(got.bytes, 4U);
  EXPECT_EQ(in.to_string(), "ping");
  close(ends[0]);
  close(ends[1]);
}

TEST(BytebufGuide, Vectors) {
  std::vector<unsigned char> bytes{1, 2, 3, 4};

  ByteBuf view = ByteBuf::wrap(bytes);  // not owned: bytes must outlive it
  EXPECT_EQ(view.read_u32(), 0x01020304U);

  ByteBuf owner = ByteBuf::adopt(std::move(bytes));  // moved in, not copied
  EXPECT_EQ(owner.read_u32_le(), 0x04030201U);
}

}  // namespace
