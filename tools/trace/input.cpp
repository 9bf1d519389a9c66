// SPDX-License-Identifier: Apache-2.0
// Bytes one after another: from a file, from memory, out of a zstd frame. Program tarn.
#include "trace/input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

FileSource::FileSource(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) throw UsageError(concat(path, ": can't be opened: ", errno_text(errno)));
}

FileSource::~FileSource() { ::close(fd_); }

std::size_t FileSource::read(std::span<std::uint8_t> into) {
  for (;;) {
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got >= 0) {
      position_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      throw TraceError(concat("can't be read: ", errno_text(errno), ","), position_, ByteOf::file);
    }
  }
}

std::size_t SpanSource::read(std::span<std::uint8_t> into) {
  const std::size_t count = std::min(into.size(), rest_.size());
  if (count != 0) std::memcpy(into.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

bool Input::ensure_slow(std::size_t count) {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < count) {
    const std::size_t got = source_.read(std::span(buffer_.get() + end_, kWindow - end_));
    if (got == 0) return false;
    end_ += got;
  }
  return true;
}

struct ZstdSource::Decoder {
  Decoder() : stream(ZSTD_createDStream()) {
    if (stream == nullptr) throw std::bad_alloc();
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { ZSTD_freeDStream(stream); }

  ZSTD_DStream* stream;
};

ZstdSource::ZstdSource(Input& packed) : packed_(packed), decoder_(std::make_unique<Decoder>()) {}
ZstdSource::~ZstdSource() = default;

std::size_t ZstdSource::read(std::span<std::uint8_t> into) {
  ZSTD_outBuffer out{into.data(), into.size(), 0};
  while (!frame_done_ && out.pos == 0) {
    // At the end of the file the decoder is still asked: it may hold output back.
    const bool more = packed_.ensure(1);
    const std::span<const std::uint8_t> visible = packed_.visible();
    ZSTD_inBuffer in{visible.data(), visible.size(), 0};
    const std::size_t hint = ZSTD_decompressStream(decoder_->stream, &out, &in);
    packed_.consume(in.pos);
    if (ZSTD_isError(hint) != 0U) {
      throw TraceError(concat("damaged zstd frame (", ZSTD_getErrorName(hint), ")"),
                       packed_.position(), ByteOf::file);
    }
    frame_done_ = hint == 0;
    if (!frame_done_ && !more && out.pos == 0) {
      throw TraceError("the zstd frame is cut short: the file ends", packed_.position(),
                       ByteOf::file);
    }
  }
  if (frame_done_ && out.pos == 0 && packed_.ensure(1)) {
    throw TraceError("more bytes follow the zstd frame, the first", packed_.position(),
                     ByteOf::file);
  }
  return out.pos;
}

bool is_zstd_frame(std::span<const std::uint8_t> bytes) noexcept {
  constexpr std::array<std::uint8_t, 4> kMagic = {0x28, 0xb5, 0x2f, 0xfd};
  return bytes.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

}  // namespace tarn::tools
