// SPDX-License-Identifier: Apache-2.0
// Bytes one after another: from a file, from memory, out of a zstd frame. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "trace/trace_error.hpp"

namespace tarn::tools {

/// Where bytes come from. Thread safety: one thread at a time.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills the front of `into`; returns how much, and 0 only at the end.
  ///
  /// @errors TraceError when the bytes can't be had.
  [[nodiscard]] virtual std::size_t read(std::span<std::uint8_t> into) = 0;

  /// What the offsets of these bytes count.
  [[nodiscard]] virtual ByteOf byte_of() const noexcept { return ByteOf::file; }
};

/// A file. Thread safety: one thread at a time.
class FileSource final : public ByteSource {
 public:
  /// @errors UsageError when it can't be opened.
  explicit FileSource(const std::string& path);
  ~FileSource() override;
  std::size_t read(std::span<std::uint8_t> into) override;

 private:
  int fd_;
  std::uint64_t position_ = 0;
};

/// Bytes that are in memory already. Thread safety: one thread at a time.
class SpanSource final : public ByteSource {
 public:
  explicit SpanSource(std::span<const std::uint8_t> bytes) noexcept : rest_(bytes) {}
  std::size_t read(std::span<std::uint8_t> into) override;

 private:
  std::span<const std::uint8_t> rest_;
};

/// A window on a source that a parser looks ahead in; keeps count of the bytes consumed.
///
/// Holds at most `kWindow` bytes, however long the source is.
/// Thread safety: one thread at a time.
class Input {
 public:
  // Bytes: the longest header fits; more would not read any faster.
  static constexpr std::size_t kWindow = std::size_t{1} << 16;

  explicit Input(ByteSource& source)
      : source_(source), buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kWindow)) {}

  /// Makes at least `count` bytes visible if the source has them. @pre count <= kWindow
  /// @returns whether it has.
  bool ensure(std::size_t count) { return available() >= count || ensure_slow(count); }
  [[nodiscard]] std::span<const std::uint8_t> visible() const noexcept {
    return {buffer_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] std::size_t available() const noexcept { return end_ - begin_; }
  void consume(std::size_t count) noexcept {
    begin_ += count;
    position_ += count;
  }
  /// The offset of the first visible byte.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] ByteOf byte_of() const noexcept { return source_.byte_of(); }

 private:
  bool ensure_slow(std::size_t count);

  ByteSource& source_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
};

/// The content of exactly one zstd frame, with nothing before or behind it.
///
/// Its memory is bounded: a frame that needs a window above 128 MiB (zstd's own limit for a
/// streaming reader) is refused. Thread safety: one thread at a time.
class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(Input& packed);
  ~ZstdSource() override;
  std::size_t read(std::span<std::uint8_t> into) override;
  [[nodiscard]] ByteOf byte_of() const noexcept override { return ByteOf::unpacked; }

 private:
  struct Decoder;

  Input& packed_;
  std::unique_ptr<Decoder> decoder_;
  bool frame_done_ = false;
};

/// Whether these bytes, the first of a file, begin a zstd frame.
[[nodiscard]] bool is_zstd_frame(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace tarn::tools
