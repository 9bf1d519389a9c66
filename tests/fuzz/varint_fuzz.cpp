// SPDX-License-Identifier: Apache-2.0
// Any bytes, read as varints: by one buffer and by one in pieces, against a decoder that is written
// another way. Found: what is not there, what is not whole, and what is malformed are told apart,
// the reader moves only on success, and a number written is the number read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "input.hpp"
#include "tarn/tarn.hpp"

namespace tarn::fuzz {
namespace {

struct Expected {
  enum class State : std::uint8_t { whole, incomplete, malformed };
  State state;
  std::size_t size = 0;
  std::uint64_t value = 0;
};

/// The number at the start, bit by bit; malformed as soon as one stands where none may.
Expected expect(Input bytes, std::size_t most_bits) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    for (std::size_t bit = 0; bit < 7; ++bit) {
      if ((bytes[i] >> bit) % 2 == 0) continue;
      if (7 * i + bit >= most_bits) return {Expected::State::malformed};
      value += std::uint64_t{1} << (7 * i + bit);
    }
    if (bytes[i] < 128) return {Expected::State::whole, i + 1, value};
    if (i == 9) return {Expected::State::malformed};
  }
  return {Expected::State::incomplete};
}

/// Reads one number. @returns whether there was one.
template <class Buffer, class Read>
bool read_one(Buffer& buffer, Input rest, std::size_t most_bits, Read try_read) {
  const Expected expected = expect(rest, most_bits);
  const std::size_t before = buffer.reader_index();
  try {
    const std::optional<std::uint64_t> value = try_read(buffer);
    if (!value) {
      require(expected.state == Expected::State::incomplete, "incomplete, or is it?");
      require(buffer.reader_index() == before, "the reader moved without a number");
      return false;
    }
    require(expected.state == Expected::State::whole, "not a number");
    require(*value == expected.value, "another number");
    require(buffer.reader_index() == before + expected.size, "the reader is elsewhere");
    return true;
  } catch (const std::runtime_error&) {
    require(expected.state == Expected::State::malformed, "a sound number is refused");
    require(buffer.reader_index() == before, "the reader moved over a malformed number");
    return false;
  }
}

template <class Buffer>
void read_all(Buffer buffer, Input input) {
  const auto rest = [&] { return input.subspan(buffer.reader_index()); };
  const auto varint = [](Buffer& from) { return from.try_read_varint(); };
  const auto varint32 = [](Buffer& from) -> std::optional<std::uint64_t> {
    const auto value = from.try_read_varint32();
    return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
  };
  for (bool wide = true; buffer.is_readable(); wide = !wide) {
    const bool found =
        wide ? read_one(buffer, rest(), 64, varint) : read_one(buffer, rest(), 32, varint32);
    if (!found) buffer.skip(1);
  }
  require(!buffer.try_read_varint(), "a number of nothing");
}

void write_and_read(std::uint64_t value) {
  ByteBuf buffer = PooledAllocator::shared().buffer(4);
  buffer.write_varint(value).write_svarint(static_cast<std::int64_t>(value));
  std::size_t shortest = 1;
  for (std::uint64_t left = value >> 7; left != 0; left >>= 7) ++shortest;
  const std::size_t size = buffer.readable_bytes();
  require(buffer.read_varint() == value, "not what was written");
  require(size - buffer.readable_bytes() == shortest, "not the shortest form");
  require(buffer.read_svarint() == static_cast<std::int64_t>(value), "not what was written signed");
  require(!buffer.is_readable(), "something is left");
}

}  // namespace
}  // namespace tarn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tarn;
  const fuzz::Input input(data, size);
  fuzz::read_all(ByteBuf::wrap(input), input);
  CompositeByteBuf pieces(size + 1);
  for (std::size_t at = 0; at < size; at += 3) {
    pieces.add_component(ByteBuf::wrap(input.subspan(at, std::min<std::size_t>(3, size - at))));
  }
  fuzz::read_all(pieces, input);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | data[i];
    if (i % 8 < 4) fuzz::write_and_read(value);
  }
  return 0;
}
