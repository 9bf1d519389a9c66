// SPDX-License-Identifier: Apache-2.0
// The memory of a buffer as the kernel wants it for readv, writev, sendmsg. Layer: buffer.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <vector>

#include "tarn/detail/buffer/byte_source.hpp"

namespace tarn {

/// A contiguous sequence of iovec.
///
/// Lifetime: its entries point into the buffer, as a span of it would.
/// Thread safety: one thread at a time.
class IoVecs {
 public:
  /// Entries that take no allocation.
  static constexpr std::size_t kInline = 16;

  [[nodiscard]] iovec* data() noexcept { return more_.empty() ? inline_.data() : more_.data(); }
  [[nodiscard]] const iovec* data() const noexcept {
    return more_.empty() ? inline_.data() : more_.data();
  }
  [[nodiscard]] std::size_t size() const noexcept { return more_.empty() ? size_ : more_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] iovec* begin() noexcept { return data(); }
  [[nodiscard]] iovec* end() noexcept { return data() + size(); }
  [[nodiscard]] const iovec* begin() const noexcept { return data(); }
  [[nodiscard]] const iovec* end() const noexcept { return data() + size(); }
  [[nodiscard]] iovec& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] const iovec& operator[](std::size_t i) const noexcept { return data()[i]; }
  /// The bytes of all entries.
  [[nodiscard]] std::size_t total_bytes() const noexcept;

  /// Adds an entry; one of 0 bytes is left out. @errors std::bad_alloc beyond kInline.
  void push_back(const std::byte* memory, std::size_t n);

 private:
  std::array<iovec, kInline> inline_{};
  std::size_t size_ = 0;     // of inline_
  std::vector<iovec> more_;  // all of them, once they are more than kInline
};

namespace detail {
[[nodiscard]] IoVecs iovecs_of(SourceRange range);
}

/// The readable bytes of `buf`, one entry a non-empty component; a ByteBuf is one component.
/// @errors std::bad_alloc, from more than 16 entries.
/// Lifetime: until the last sharer of a component dies, or `buf` changes its memory.
[[nodiscard]] IoVecs iovecs(const ByteBuf& buf);
/// The same for `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
[[nodiscard]] IoVecs iovecs(const ByteBuf& buf, std::size_t index, std::size_t n);

/// At least `n` writable bytes behind the writer index, for readv; buf grows if need be. advance()
/// makes readable what has been put there.
/// @errors as ensure_writable.
[[nodiscard]] IoVecs writable_iovecs(ByteBuf& buf, std::size_t n);

}  // namespace tarn
