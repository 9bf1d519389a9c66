// SPDX-License-Identifier: Apache-2.0
// Any text, read as hex digits. Found: what is refused, and at which position, is what a look at
// each digit says; what is accepted is printed again as it was, in lower case.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "input.hpp"
#include "tarn/tarn.hpp"

namespace tarn::fuzz {
namespace {

/// Where the first fault is; npos: none.
std::size_t fault_of(std::string_view digits) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (std::isxdigit(static_cast<unsigned char>(digits[i])) == 0) return i;
  }
  return digits.size() % 2 == 0 ? std::string_view::npos : digits.size();
}

bool names(std::string_view message, std::size_t position) {
  const std::string number = std::to_string(position);
  for (std::size_t at = message.find(number); at != std::string_view::npos;
       at = message.find(number, at + 1)) {
    const auto is_digit = [&](std::size_t i) {
      return i < message.size() && std::isdigit(static_cast<unsigned char>(message[i])) != 0;
    };
    if (!is_digit(at + number.size()) && (at == 0 || !is_digit(at - 1))) return true;
  }
  return false;
}

template <class Buffer>
void try_decode(std::string_view digits) {
  const std::size_t fault = fault_of(digits);
  try {
    const Buffer decoded = Buffer::from_hex(digits);
    require(fault == std::string_view::npos, "no hex, but accepted");
    std::string lower(digits);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    require(decoded.hex_dump() == lower, "not printed as it was read");
    require(decoded.readable_bytes() == digits.size() / 2, "of another size");
    const std::size_t rows = (decoded.readable_bytes() + 15) / 16;
    const std::string table = decoded.pretty_hex_dump();
    require(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')) + 1 ==
                std::max<std::size_t>(rows, 1),
            "a table of other rows");
  } catch (const std::invalid_argument& error) {
    require(fault != std::string_view::npos, "hex, but refused");
    require(names(error.what(), fault), "the position is not named");
  }
}

}  // namespace
}  // namespace tarn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tarn;
  const std::string text(data, data + size);
  fuzz::try_decode<ByteBuf>(text);
  // The same bytes as digits, all but a few of them sound.
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  std::string digits;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    digits.push_back(byte == 0xFF ? c : kDigits[byte % kDigits.size()]);
  }
  fuzz::try_decode<ByteBuf>(digits);
  fuzz::try_decode<CompositeByteBuf>(digits);
  return 0;
}
