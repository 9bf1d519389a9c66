// SPDX-License-Identifier: Apache-2.0
// The mark in an object's first and last bytes that tells two live objects apart. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tarn::tools {

/// An object's id, spread over eight bytes so that ids close together differ in each of them.
///
/// In a timed replay an object has its stamp at its ends: an object of 16 bytes or more in its
/// first eight and its last eight bytes; a smaller one in its first (up to) eight, and behind them
/// the last bytes of a stamp that ends where the object ends. Of two live objects that overlap, one
/// then loses a stamp if an end of it lies where the other has its own. In the replay that is not
/// timed all of the object is filled, so any overlap is found.
class Stamp {
 public:
  explicit Stamp(std::uint32_t object) noexcept
      // An odd factor (2^64 / golden ratio) keeps them distinct, also in the low bytes alone.
      : word_((std::uint64_t{object} + 1) * 0x9e3779b97f4a7c15U) {}

  void write(unsigned char* data, std::size_t size) const noexcept {
    if (size >= kBytes) [[likely]] {
      // The tail first: where the two overlap, the head's bytes stay.
      std::memcpy(data + size - kBytes, &word_, kBytes);
      std::memcpy(data, &word_, kBytes);
    } else {
      for (std::size_t i = 0; i < size; ++i) data[i] = byte(i);
    }
  }

  /// Whether the object still has its stamp.
  [[nodiscard]] bool is_in(const unsigned char* data, std::size_t size) const noexcept {
    if (size < kBytes) [[unlikely]]
      return is_at_head(data, size);
    const std::uint64_t head = load(data);
    const std::uint64_t tail = load(data + size - kBytes);
    if (size >= 2 * kBytes) [[likely]]
      return ((head ^ word_) | (tail ^ word_)) == 0;
    // The tail's first bytes belong to the head; little-endian: they are its low ones.
    const auto covered_bits = static_cast<unsigned>(8 * (2 * kBytes - size));
    const std::uint64_t tail_difference = covered_bits == 64 ? 0 : (tail ^ word_) >> covered_bits;
    return ((head ^ word_) | tail_difference) == 0;
  }

  /// Fills the whole object.
  void fill(unsigned char* data, std::size_t size) const noexcept {
    std::size_t at = 0;
    for (; at + kBytes <= size; at += kBytes) std::memcpy(data + at, &word_, kBytes);
    for (; at < size; ++at) data[at] = byte(at % kBytes);
  }

  /// Whether the object, or its first `size` bytes, is as it was filled.
  [[nodiscard]] bool fills(const unsigned char* data, std::size_t size) const noexcept {
    std::uint64_t difference = 0;  // gathered without a branch, which the compiler makes wide
    std::size_t at = 0;
    for (; at + kBytes <= size; at += kBytes) difference |= load(data + at) ^ word_;
    for (; at < size; ++at) difference |= static_cast<unsigned>(data[at] ^ byte(at % kBytes));
    return difference == 0;
  }

  /// Whether the first bytes, at most eight, are the stamp's.
  [[nodiscard]] bool is_at_head(const unsigned char* data, std::size_t size) const noexcept {
    for (std::size_t i = 0; i < size && i < kBytes; ++i) {
      if (data[i] != byte(i)) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kBytes = sizeof(std::uint64_t);

  static std::uint64_t load(const unsigned char* data) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, data, kBytes);
    return word;
  }
  [[nodiscard]] unsigned char byte(std::size_t i) const noexcept {
    return static_cast<unsigned char>(word_ >> (8 * i));
  }

  std::uint64_t word_;
};

}  // namespace tarn::tools
