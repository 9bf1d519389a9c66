// SPDX-License-Identifier: Apache-2.0
// Tests of iovec sequences.
#include "tarn/detail/buffer/iovecs.hpp"

#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::unpooled_buffer;

TEST(IoVecs, HoldsEntriesInlineAndBeyond) {
  const std::array<std::byte, 64> memory{};
  IoVecs entries;
  EXPECT_TRUE(entries.empty());
  EXPECT_EQ(entries.begin(), entries.end());
  for (std::size_t i = 0; i < 40; ++i) {
    entries.push_back(memory.data() + i, i + 1);
    ASSERT_EQ(entries.size(), i + 1);
    for (std::size_t k = 0; k <= i; ++k) {
      ASSERT_EQ(entries[k].iov_base, memory.data() + k);
      ASSERT_EQ(entries.data()[k].iov_len, k + 1);
    }
  }
  EXPECT_EQ(entries.total_bytes(), 40U * 41 / 2);
  const IoVecs moved = std::move(entries);
  EXPECT_EQ(moved.size(), 40U);
  EXPECT_EQ(moved.end() - moved.begin(), 40);
}

TEST(IoVecs, LeavesOutWhatIsEmpty) {
  const std::byte byte{};
  IoVecs entries;
  entries.push_back(&byte, 0);
  entries.push_back(nullptr, 0);
  EXPECT_TRUE(entries.empty());
}

TEST(IoVecs, ShowTheReadableBytes) {
  ByteBuf buf = unpooled_buffer(16);
  EXPECT_TRUE(iovecs(buf).empty());
  EXPECT_TRUE(iovecs(ByteBuf()).empty());
  buf.write_bytes("0123456789").skip(3);
  const IoVecs entries = iovecs(buf);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].iov_base, buf.data() + 3);
  EXPECT_EQ(entries[0].iov_len, 7U);
  const IoVecs part = iovecs(buf, 1, 4);
  EXPECT_EQ(part[0].iov_base, buf.data() + 1);
  EXPECT_EQ(part.total_bytes(), 4U);
  EXPECT_THROW(static_cast<void>(iovecs(buf, 10, 7)), std::out_of_range);
}

TEST(IoVecs, MakeRoomForReadv) {
  ByteBuf buf = unpooled_buffer(4, 100);
  buf.write_bytes("ab");
  IoVecs entries = writable_iovecs(buf, 10);
  EXPECT_GE(entries.total_bytes(), 10U);
  EXPECT_EQ(entries[0].iov_base, buf.data() + 2);
  EXPECT_THROW(static_cast<void>(writable_iovecs(buf, 99)), std::out_of_range);
  ByteBuf fixed = buf.as_read_only();
  EXPECT_THROW(static_cast<void>(writable_iovecs(fixed, 1)), ReadOnlyError);
}

TEST(IoVecs, PassThroughThePipe) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  ByteBuf out = ByteBuf::wrap_copy("through the pipe");
  IoVecs from = iovecs(out);
  ASSERT_EQ(writev(pipe_ends[1], from.data(), static_cast<int>(from.size())), 16);
  ByteBuf in = unpooled_buffer(0);
  IoVecs to = writable_iovecs(in, 16);
  ASSERT_EQ(readv(pipe_ends[0], to.data(), static_cast<int>(to.size())), 16);
  in.advance(16);
  EXPECT_EQ(in.to_string(), "through the pipe");
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace tarn
