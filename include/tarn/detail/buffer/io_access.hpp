// SPDX-License-Identifier: Apache-2.0
// Buffers read from and written to file descriptors. Layer: buffer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/buffer/iovecs.hpp"
#include "tarn/detail/buffer/text_access.hpp"

namespace tarn {

/// How a transfer ended.
enum class IoStatus : std::uint8_t {
  done,         ///< All that was asked for, or (reading) what there was.
  would_block,  ///< The descriptor takes or has no more now (EAGAIN): wait for it.
  end_of_file,  ///< Reading: the other side has closed. No bytes.
  failed,       ///< See `error`.
};

/// What a transfer did. `bytes` were transferred whatever the status is.
struct IoResult {
  IoStatus status = IoStatus::done;
  std::size_t bytes = 0;
  int error = 0;  ///< errno of a failure, else 0.
};

namespace detail {

/// A way to a descriptor: read and write, or recvmsg and sendmsg with flags.
struct IoTarget {
  int descriptor;
  bool is_socket;
  int flags;
};

/// One transfer into the first `n` bytes of `entries`. Repeated when a signal interrupts it.
[[nodiscard]] IoResult read_into(IoTarget target, IoVecs& entries, std::size_t n) noexcept;
/// Transfers until all of the range is gone, or the target takes no more.
[[nodiscard]] IoResult write_all(IoTarget target, SourceRange range) noexcept;

/// System calls on a buffer. EINTR is dealt with, EAGAIN is a status, a partial transfer moves the
/// index by what was transferred; components beyond what the kernel takes at once go in several
/// calls.
template <class Self>
class IoAccess : public TextAccess<Self> {
 public:
  /// Reads once, at most `n` bytes, behind the writer index, which moves; grows if need be.
  /// @returns done with some bytes, or end_of_file, would_block, failed with none.
  /// @errors as ensure_writable(n).
  IoResult read_from(int descriptor, std::size_t n) { return take({descriptor, false, 0}, n); }
  /// The same by recvmsg with `flags`.
  IoResult receive_from(int socket, std::size_t n, int flags = 0) {
    return take({socket, true, flags}, n);
  }

  /// Writes the readable bytes; the reader index moves over what was written.
  /// @returns done when nothing is readable any more; would_block or failed with what went before.
  IoResult write_to(int descriptor) noexcept { return give({descriptor, false, 0}); }
  /// The same by sendmsg with `flags` and MSG_NOSIGNAL: a closed connection is EPIPE, not a signal.
  IoResult send_to(int socket, int flags = 0) noexcept { return give({socket, true, flags}); }

 protected:
  using TextAccess<Self>::TextAccess;
  using TextAccess<Self>::self;

 private:
  IoResult take(IoTarget target, std::size_t n) {
    IoVecs room = writable_iovecs(self(), n);
    const IoResult result = read_into(target, room, n);
    this->writer_ += result.bytes;
    return result;
  }
  IoResult give(IoTarget target) noexcept {
    const IoResult result = write_all(target, this->readable_range());
    this->reader_ += result.bytes;
    return result;
  }
};

}  // namespace detail
}  // namespace tarn
