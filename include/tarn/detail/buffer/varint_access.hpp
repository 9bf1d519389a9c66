// SPDX-License-Identifier: Apache-2.0
// Numbers of variable length read from and written to a buffer. Layer: buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "tarn/detail/buffer/bulk_access.hpp"
#include "tarn/detail/buffer/varint.hpp"

namespace tarn::detail {

/// LEB128 as protobuf's: 7 bits a byte, lowest first, at most 10 bytes. The shortest form is
/// written, padded forms are read. svarint is zigzag-coded, for numbers of either sign.
///
/// Malformed input is std::runtime_error naming the index where the number starts, from try_read_
/// too, which is empty only when more bytes could complete it. The reader moves only on success.
/// The 32-bit forms take a number that needs more bits for malformed.
///
/// `Self` supplies `peek(index, n, scratch)`: the address of n bytes, in scratch if need be.
template <class Self>
class VarintAccess : public BulkAccess<Self> {
  static constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

 public:
  Self& write_varint(std::uint64_t value) {
    const EncodedVarint encoded = encode_varint(value);
    self().append(std::span(encoded.bytes).first(encoded.size));
    return self();
  }
  Self& write_svarint(std::int64_t value) { return write_varint(zigzag(value)); }

  /// @errors std::out_of_range when it does not end before the writer index.
  std::uint64_t read_varint() { return read_up_to(kMax64); }
  std::int64_t read_svarint() { return unzigzag(read_up_to(kMax64)); }
  std::uint32_t read_varint32() { return static_cast<std::uint32_t>(read_up_to(kMax32)); }
  std::int32_t read_svarint32() { return static_cast<std::int32_t>(unzigzag(read_up_to(kMax32))); }

  [[nodiscard]] std::optional<std::uint64_t> try_read_varint() { return try_read_up_to(kMax64); }
  [[nodiscard]] std::optional<std::int64_t> try_read_svarint() {
    const auto value = try_read_up_to(kMax64);
    return value ? std::optional(unzigzag(*value)) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::uint32_t> try_read_varint32() {
    const auto value = try_read_up_to(kMax32);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::int32_t> try_read_svarint32() {
    const auto value = try_read_up_to(kMax32);
    return value ? std::optional(static_cast<std::int32_t>(unzigzag(*value))) : std::nullopt;
  }

 protected:
  using BulkAccess<Self>::BulkAccess;
  using BulkAccess<Self>::self;

 private:
  [[nodiscard]] std::optional<std::uint64_t> try_read_up_to(std::uint64_t max) {
    const std::size_t n = std::min(kMaxVarint, this->writer_ - this->reader_);
    std::array<std::byte, kMaxVarint> scratch;
    const std::span<const std::byte> bytes{self().peek(this->reader_, n, scratch.data()), n};
    // Most numbers of most protocols are one byte.
    if (n != 0 && bytes[0] < std::byte{0x80}) [[likely]] {
      ++this->reader_;
      return std::to_integer<std::uint64_t>(bytes[0]);
    }
    const Varint found = decode_varint(bytes, max);
    if (found.state == Varint::State::incomplete) return std::nullopt;
    if (found.state == Varint::State::malformed) {
      throw_malformed_varint(this->reader_,
                             max == kMax64 ? "more than 64 bits" : "more than 32 bits");
    }
    this->reader_ += found.size;
    return found.value;
  }
  [[nodiscard]] std::uint64_t read_up_to(std::uint64_t max) {
    const auto value = try_read_up_to(max);
    // One byte more than there are is what it lacks at least.
    if (!value) [[unlikely]]
      this->fail_readable(this->writer_ - this->reader_ + 1);
    return *value;
  }
};

}  // namespace tarn::detail
