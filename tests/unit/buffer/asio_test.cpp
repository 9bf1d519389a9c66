// SPDX-License-Identifier: Apache-2.0
// Tests of buffers as asio's buffer sequences; built twice, against asio and against Boost.Asio.
#include "tarn/asio.hpp"

#include <gtest/gtest.h>

#ifdef TARN_USE_BOOST_ASIO
#include <boost/asio.hpp>
#else
#include <asio.hpp>
#endif

#include <string>
#include <thread>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

namespace net = detail::net;
using testing_support::pattern;
using testing_support::unpooled_buffer;

static_assert(net::is_const_buffer_sequence<AsioBuffers<net::const_buffer>>::value);
static_assert(net::is_mutable_buffer_sequence<AsioBuffers<net::mutable_buffer>>::value);
static_assert(!net::is_mutable_buffer_sequence<AsioBuffers<net::const_buffer>>::value);
static_assert(net::is_dynamic_buffer_v2<AsioDynamicBuffer>::value);

/// Two connected sockets.
struct Sockets {
  Sockets() { net::local::connect_pair(near, far); }
  net::io_context context;
  net::local::stream_protocol::socket near{context};
  net::local::stream_protocol::socket far{context};
};

VARIANT_TEST(Asio, WritesAndReadsBuffers) {
  Sockets sockets;
  Buffer out = variant.make(100);
  out.write_bytes(pattern(90)).skip(10);
  EXPECT_EQ(net::write(sockets.near, asio_readable(out)), 80U);
  Buffer in = variant.make(100);
  std::size_t got = 0;
  while (got < 80) {
    const std::size_t n = sockets.far.read_some(asio_writable(in, 80 - got));
    in.advance(n);
    got += n;
  }
  EXPECT_EQ(in.to_string(), pattern(90).substr(10));
}

TEST(Asio, TakesManyComponents) {
  Sockets sockets;
  CompositeByteBuf out(200);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    out.add_component(ByteBuf::wrap_copy(std::to_string(i)));
    expected += std::to_string(i);
  }
  const auto buffers = asio_readable(out);
  EXPECT_EQ(buffers.size(), 100U);
  EXPECT_EQ(net::buffer_size(buffers), expected.size());
  const auto copy = buffers;
  EXPECT_EQ(net::write(sockets.near, copy), expected.size());
  ByteBuf in = unpooled_buffer(0);
  net::read(sockets.far, AsioDynamicBuffer(in), net::transfer_exactly(expected.size()));
  EXPECT_EQ(in.to_string(), expected);
}

TEST(Asio, ReadsUntilADelimiter) {
  Sockets sockets;
  net::write(sockets.near, net::buffer(std::string("first line\nsecond")));
  ByteBuf in = unpooled_buffer(4);
  const std::size_t n = net::read_until(sockets.far, AsioDynamicBuffer(in), '\n');
  EXPECT_EQ(in.read_string(n), "first line\n");
  sockets.near.close();
#ifdef TARN_USE_BOOST_ASIO
  boost::system::error_code error;
#else
  asio::error_code error;
#endif
  net::read(sockets.far, AsioDynamicBuffer(in), error);
  EXPECT_EQ(error, net::error::eof);
  EXPECT_EQ(in.to_string(), "second");
}

TEST(Asio, ADynamicBufferKeepsToItsMaximum) {
  ByteBuf buf = unpooled_buffer(4, 20);
  AsioDynamicBuffer dynamic(buf);
  EXPECT_EQ(dynamic.max_size(), 20U);
  EXPECT_EQ(dynamic.capacity(), 4U);
  dynamic.grow(10);
  EXPECT_EQ(dynamic.size(), 10U);
  EXPECT_EQ(dynamic.data(4, 100).size(), 6U);
  EXPECT_EQ(dynamic.data(11, 1).size(), 0U);
  EXPECT_EQ(std::as_const(dynamic).data(4, 3).data(), buf.data() + 4);
  EXPECT_THROW(dynamic.grow(11), std::length_error);
  dynamic.shrink(3);
  dynamic.consume(2);
  EXPECT_EQ(dynamic.size(), 5U);
  EXPECT_EQ(buf.reader_index(), 2U);
  dynamic.consume(100);
  EXPECT_EQ(dynamic.size(), 0U);
  EXPECT_EQ(AsioDynamicBuffer(buf, 7).max_size(), 7U);
}

TEST(Asio, ADynamicBufferHasTheRoomOfWhatWasConsumed) {
  ByteBuf buf = unpooled_buffer(16);
  buf.write_bytes("0123456789");
  AsioDynamicBuffer dynamic(buf);
  dynamic.consume(4);
  dynamic.grow(7);
  EXPECT_GT(buf.capacity(), 16U) << "moving six bytes for the room of four would not pay";
  buf = unpooled_buffer(16);
  buf.write_bytes("0123456789").skip(5);
  dynamic.grow(11);
  EXPECT_EQ(buf.capacity(), 16U);
  EXPECT_EQ(dynamic.size(), 16U);
  EXPECT_EQ(buf.to_string(0, 5), "56789");
}

TEST(Asio, ADynamicBufferCanBeFilledToItsMaximumAgain) {
  ByteBuf buf = unpooled_buffer(4, 20);
  AsioDynamicBuffer dynamic(buf);
  for (int i = 0; i < 3; ++i) {
    dynamic.grow(20 - dynamic.size());
    EXPECT_EQ(dynamic.size(), 20U);
    dynamic.consume(7);
    EXPECT_EQ(dynamic.max_size(), 20U);
  }
  EXPECT_THROW(dynamic.grow(8), std::length_error);
  ByteBuf fixed = buf.as_read_only();
  EXPECT_EQ(AsioDynamicBuffer(fixed).max_size(), 13U);
  EXPECT_THROW(AsioDynamicBuffer(fixed).grow(1), std::length_error);
}

TEST(Asio, ABufferOfAConnectionThatLastsDoesNotGrow) {
  Sockets sockets;
  std::string line(100, 'x');
  line.back() = '\n';
  ByteBuf in = unpooled_buffer(512);
  AsioDynamicBuffer dynamic(in);
  for (int i = 0; i < 200; ++i) {
    net::write(sockets.near, net::buffer(line));
    ASSERT_EQ(net::read_until(sockets.far, dynamic, '\n'), line.size());
    dynamic.consume(line.size());
  }
  EXPECT_LE(in.capacity(), 1024U);
}

TEST(Asio, ADynamicBufferAboveItsMaximumDoesNotGrow) {
  ByteBuf buf = unpooled_buffer(16);
  buf.write_bytes("ten bytes!");
  AsioDynamicBuffer dynamic(buf, 5);
  EXPECT_THROW(dynamic.grow(1), std::length_error);
  EXPECT_THROW(dynamic.grow(0), std::length_error);
  EXPECT_EQ(buf.readable_bytes(), 10U);
}

}  // namespace
}  // namespace tarn
