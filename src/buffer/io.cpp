// SPDX-License-Identifier: Apache-2.0
// Buffers and file descriptors. Layer: buffer.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "tarn/byte_buf.hpp"

namespace tarn::detail {
namespace {

// Entries a call: on the stack, and fewer than any kernel's limit. A composite of more components
// than that is large enough for a second call not to matter.
constexpr std::size_t kEntries = 256;
static_assert(kEntries <= IOV_MAX);

IoResult result_of_failure() noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::would_block, 0, 0};
  return {IoStatus::failed, 0, errno};
}

/// Repeats `call` while a signal interrupts it.
template <class F>
ssize_t uninterrupted(F&& call) noexcept {
  ssize_t n = 0;
  do {
    n = call();
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t write_once(IoTarget target, iovec* entries, std::size_t count) noexcept {
  if (!target.is_socket) return ::writev(target.descriptor, entries, static_cast<int>(count));
  msghdr message{};
  message.msg_iov = entries;
  message.msg_iovlen = count;
  return ::sendmsg(target.descriptor, &message, target.flags | MSG_NOSIGNAL);
}

ssize_t read_once(IoTarget target, iovec* entries, std::size_t count) noexcept {
  if (!target.is_socket) return ::readv(target.descriptor, entries, static_cast<int>(count));
  msghdr message{};
  message.msg_iov = entries;
  message.msg_iovlen = count;
  return ::recvmsg(target.descriptor, &message, target.flags);
}

}  // namespace

IoResult read_into(IoTarget target, IoVecs& entries, std::size_t n) noexcept {
  if (n == 0) return {};
  // Cut to n bytes; writable_iovecs gives at least as many.
  std::size_t count = 0;
  for (std::size_t left = n; left != 0 && count < std::min(entries.size(), kEntries); ++count) {
    entries[count].iov_len = std::min(entries[count].iov_len, left);
    left -= entries[count].iov_len;
  }
  const ssize_t got = uninterrupted([&] { return read_once(target, entries.data(), count); });
  if (got < 0) return result_of_failure();
  if (got == 0) return {IoStatus::end_of_file, 0, 0};
  return {IoStatus::done, static_cast<std::size_t>(got), 0};
}

IoResult write_all(IoTarget target, SourceRange range) noexcept {
  IoResult result;
  while (range.size != 0) {
    std::array<iovec, kEntries> entries;
    std::size_t count = 0;
    for (SourceRange rest = range; rest.size != 0 && count < kEntries; ++count) {
      const auto segment = rest.front();
      entries[count] = {const_cast<std::byte*>(segment.data()), segment.size()};
      rest.index += segment.size();
      rest.size -= segment.size();
    }
    const ssize_t put = uninterrupted([&] { return write_once(target, entries.data(), count); });
    if (put < 0) {
      const IoResult failure = result_of_failure();
      return {failure.status, result.bytes, failure.error};
    }
    // Such a descriptor would take nothing forever.
    if (put == 0) return {IoStatus::would_block, result.bytes, 0};
    result.bytes += static_cast<std::size_t>(put);
    range.index += static_cast<std::size_t>(put);
    range.size -= static_cast<std::size_t>(put);
  }
  return result;
}

}  // namespace tarn::detail
