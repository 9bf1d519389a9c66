// SPDX-License-Identifier: Apache-2.0
// The hash of a buffer's bytes. Layer: buffer.
#include <array>
#include <bit>
#include <cstring>

#include "tarn/detail/buffer/search.hpp"

namespace tarn::detail {
namespace {

__extension__ using Wide = unsigned __int128;

// Odd, with half of their bits set: the fractional parts of square roots, as in SHA-512.
constexpr std::uint64_t kFirst = 0x6A09E667F3BCC909;
constexpr std::uint64_t kSecond = 0xBB67AE8584CAA73B;

/// Both halves of the product, folded: every bit of the inputs reaches most bits of the result.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Mixes blocks of 16 bytes, wherever a segment ends.
class Hasher {
 public:
  void feed(std::span<const std::byte> bytes) noexcept {
    length_ += bytes.size();
    if (held_ != 0) {
      const std::size_t n = std::min(bytes.size(), kBlock - held_);
      hold(bytes.first(n));
      bytes = bytes.subspan(n);
      if (held_ < kBlock) return;
      mix(block_.data());
      held_ = 0;
    }
    for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) mix(bytes.data());
    hold(bytes);
  }
  [[nodiscard]] std::uint64_t result() noexcept {
    std::memset(block_.data() + held_, 0, kBlock - held_);
    mix(block_.data());
    return fold(state_ ^ kSecond, length_ ^ kFirst);
  }

 private:
  static constexpr std::size_t kBlock = 16;

  void hold(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return;
    std::memcpy(block_.data() + held_, bytes.data(), bytes.size());
    held_ += bytes.size();
  }
  void mix(const std::byte* block) noexcept {
    std::array<std::uint64_t, 2> words;
    std::memcpy(words.data(), block, kBlock);
    state_ = fold(state_ ^ words[0] ^ kFirst, words[1] ^ kSecond);
  }

  std::uint64_t state_ = 0;
  std::uint64_t length_ = 0;
  std::array<std::byte, kBlock> block_;
  std::size_t held_ = 0;
};

}  // namespace

std::uint64_t hash_of(SourceRange range) noexcept {
  Hasher hasher;
  while (range.size != 0) {
    const auto segment = range.front();
    hasher.feed(segment);
    range.index += segment.size();
    range.size -= segment.size();
  }
  return hasher.result();
}

}  // namespace tarn::detail
