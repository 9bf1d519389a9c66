// SPDX-License-Identifier: Apache-2.0
// Tests of buffers read from and written to descriptors, over every variant.
#include "tarn/detail/buffer/io_access.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::pattern;
using testing_support::unpooled_buffer;

/// Two ends of a connection.
class Connection {
 public:
  explicit Connection(bool socket, bool blocking = true) {
    if (socket) {
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
    } else {
      EXPECT_EQ(pipe(ends_), 0);
    }
    if (!blocking) {
      for (const int end : ends_) EXPECT_EQ(fcntl(end, F_SETFL, O_NONBLOCK), 0);
    }
  }
  ~Connection() {
    close_in();
    close_out();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int in() const { return ends_[0]; }
  [[nodiscard]] int out() const { return ends_[1]; }
  void close_in() { shut(ends_[0]); }
  void close_out() { shut(ends_[1]); }

 private:
  static void shut(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
  int ends_[2]{-1, -1};
};

VARIANT_TEST(IoAccess, PassesThroughPipeAndSocket) {
  for (const bool socket : {false, true}) {
    const Connection connection(socket);
    Buffer out = variant.make(100);
    out.write_bytes("xx").write_bytes(pattern(90)).skip(2);
    const IoResult written =
        socket ? out.send_to(connection.out()) : out.write_to(connection.out());
    EXPECT_EQ(written.status, IoStatus::done);
    EXPECT_EQ(written.bytes, 90U);
    EXPECT_FALSE(out.is_readable());
    Buffer in = variant.make(100);
    in.write_bytes("head");
    const auto read = [&](std::size_t n) {
      return socket ? in.receive_from(connection.in(), n) : in.read_from(connection.in(), n);
    };
    EXPECT_EQ(read(20).bytes, 20U) << "at most what was asked for";
    EXPECT_EQ(read(70).bytes, 70U);
    EXPECT_EQ(in.to_string(), "head" + pattern(90));
  }
}

VARIANT_TEST(IoAccess, TellsTheEndFromNothingYet) {
  for (const bool socket : {false, true}) {
    Connection connection(socket, false);
    Buffer in = variant.make(16);
    const auto read = [&] {
      return socket ? in.receive_from(connection.in(), 16) : in.read_from(connection.in(), 16);
    };
    EXPECT_EQ(read().status, IoStatus::would_block);
    connection.close_out();
    EXPECT_EQ(read().status, IoStatus::end_of_file);
    connection.close_in();
    const IoResult failure = read();
    EXPECT_EQ(failure.status, IoStatus::failed);
    EXPECT_EQ(failure.error, EBADF);
    EXPECT_EQ(failure.bytes, 0U);
    EXPECT_EQ(in.writer_index(), 0U);
  }
}

// Goal: what the kernel does not take stays readable, and nothing is sent twice. Method: write more
// than a connection holds, drain, go on.
VARIANT_TEST(IoAccess, GoesOnAfterAPartialTransfer) {
  for (const bool socket : {false, true}) {
    const Connection connection(socket, false);
    const std::string bytes = pattern(300'000);
    Buffer out = variant.make(300'000);
    out.write_bytes(bytes);
    ByteBuf in = unpooled_buffer(0);
    int blocked = 0;
    while (out.is_readable()) {
      const std::size_t before = out.reader_index();
      const IoResult written =
          socket ? out.send_to(connection.out()) : out.write_to(connection.out());
      ASSERT_EQ(out.reader_index(), before + written.bytes);
      if (written.status == IoStatus::would_block) ++blocked;
      while (in.read_from(connection.in(), 50'000).status == IoStatus::done) {
      }
    }
    EXPECT_GT(blocked, 0);
    EXPECT_EQ(in.to_string(), bytes);
  }
}

VARIANT_TEST(IoAccess, ReportsAClosedReaderWithoutASignal) {
  Connection connection(true);
  connection.close_in();
  Buffer out = variant.make(4);
  out.write_bytes("lost");
  const IoResult result = out.send_to(connection.out());
  EXPECT_EQ(result.status, IoStatus::failed);
  EXPECT_EQ(result.error, EPIPE);
  EXPECT_EQ(out.to_string(), "lost");
}

TEST(IoAccess, SendsMoreComponentsThanTheKernelTakesAtOnce) {
  const Connection connection(true);
  CompositeByteBuf out(5000);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string part = std::to_string(i);
    out.add_component(ByteBuf::wrap_copy(part));
    expected += part;
  }
  ByteBuf in = unpooled_buffer(0);
  std::thread reader([&] {
    while (in.readable_bytes() < expected.size()) in.receive_from(connection.in(), 65536);
  });
  const IoResult result = out.send_to(connection.out());
  reader.join();
  EXPECT_EQ(result.status, IoStatus::done);
  EXPECT_EQ(result.bytes, expected.size());
  EXPECT_EQ(in.to_string(), expected);
}

TEST(IoAccess, NothingToDoIsDone) {
  ByteBuf buf = unpooled_buffer(4);
  EXPECT_EQ(buf.write_to(-1).status, IoStatus::done);
  EXPECT_EQ(buf.read_from(-1, 0).status, IoStatus::done);
  EXPECT_EQ(buf.read_from(-1, 1).status, IoStatus::failed);
  EXPECT_THROW(buf.as_read_only().read_from(-1, 1), ReadOnlyError);
  ByteBuf full = unpooled_buffer(4, 4);
  full.write_u32(1);
  EXPECT_THROW(full.read_from(-1, 1), std::out_of_range);
}

// Goal: a signal in the middle is nobody's business. Method: a handler without SA_RESTART
// interrupts a read that waits, until bytes come.
TEST(IoAccess, GoesOnAfterASignal) {
  struct sigaction action {};
  static std::atomic<int> signals{0};
  action.sa_handler = [](int) { signals.fetch_add(1); };
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  const Connection connection(false);
  ByteBuf in = unpooled_buffer(16);
  IoResult result;
  std::atomic<bool> started{false};
  std::thread reader([&] {
    started.store(true);
    result = in.read_from(connection.in(), 16);
  });
  while (!started.load()) std::this_thread::yield();
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pthread_kill(reader.native_handle(), SIGUSR1);
  }
  ByteBuf out = ByteBuf::wrap_copy("at last");
  EXPECT_EQ(out.write_to(connection.out()).bytes, 7U);
  reader.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_GT(signals.load(), 0);
  EXPECT_EQ(result.status, IoStatus::done);
  EXPECT_EQ(in.to_string(), "at last");
}

}  // namespace
}  // namespace tarn
