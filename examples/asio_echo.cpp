// SPDX-License-Identifier: Apache-2.0
// An echo server with asio that receives into ByteBufs and sends from them, and a client to try it.
#include <asio.hpp>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string_view>
#include <tarn/asio.hpp>
#include <tarn/tarn.hpp>
#include <thread>
#include <utility>

using asio::ip::tcp;

/// One connection: frames of a 16-bit length and as many bytes; each goes back with a header before
/// it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

  void read() {
    socket_.async_read_some(tarn::asio_writable(received_, 4096),
                            [self = shared_from_this()](asio::error_code error, std::size_t n) {
                              if (error) return;  // the session ends with its last handler
                              self->received_.advance(n);
                              self->answer_frames();
                            });
  }

 private:
  void answer_frames() {
    tarn::CompositeByteBuf answer(64);
    while (received_.is_readable(2)) {
      const std::size_t length = received_.get_u16(received_.reader_index());
      if (!received_.is_readable(2 + length)) break;
      received_.skip(2);
      // The frame's own bytes, shared: what was received is what is sent.
      answer.add_components(tarn::ByteBuf::wrap("echo: "), received_.read_slice(length));
    }
    received_.discard_read_bytes();  // to memory of its own if the answer shares it
    if (!answer.is_readable()) return read();
    const auto buffers = tarn::asio_readable(answer);
    asio::async_write(socket_, buffers,
                      [self = shared_from_this(), answer = std::move(answer)](
                          asio::error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  tcp::socket socket_;
  tarn::ByteBuf received_ = tarn::PooledAllocator::shared().buffer(4096);
};

int main() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  acceptor.async_accept([](asio::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->read();
  });

  std::thread client([endpoint = acceptor.local_endpoint()] {
    asio::io_context own;
    tcp::socket socket(own);
    socket.connect(endpoint);
    tarn::ByteBuf out = tarn::PooledAllocator::shared().buffer();
    for (const std::string_view text : {"first\n", "second\n"}) {
      out.write_u16(static_cast<std::uint16_t>(text.size())).write_bytes(text);
    }
    asio::write(socket, tarn::asio_readable(out));
    tarn::ByteBuf in = tarn::PooledAllocator::shared().buffer();
    asio::read(socket, tarn::AsioDynamicBuffer(in), asio::transfer_exactly(25));
    std::cout << in.to_string();
  });
  context.run();
  client.join();
}
