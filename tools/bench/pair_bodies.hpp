// SPDX-License-Identifier: Apache-2.0
// What one thread does in the cases that allocate and release. Program tarn.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "bench/keep.hpp"

namespace tarn::tools {

/// Bytes that a touched object has written: the first cache line, as a header would.
inline constexpr std::size_t kTouchedBytes = 64;

/// What is written where sizes are mixed: as much as the smallest one has.
inline constexpr std::size_t kSmallestTouched = 16;

/// What is written, 16 bytes at a time. The compiler doesn't know it: it would else make a call or
/// a string instruction of the stores, which take longer than what is measured.
struct Ink {
  std::uint64_t first = opaque(std::uint64_t{1});
  std::uint64_t second = opaque(std::uint64_t{2});
};

/// Writes `count` bytes, but no more than there are. @pre both are multiples of 16
inline void touch(std::byte* bytes, std::size_t size, std::size_t count, const Ink& ink) noexcept {
  const std::size_t end = std::min(size, count);
  for (std::size_t at = 0; at < end; at += sizeof(Ink)) std::memcpy(bytes + at, &ink, sizeof(Ink));
  static_cast<void>(opaque(bytes));
}

/// Takes one and gives it back, n times. @returns how many there were.
template <bool kTouched, class Subject>
std::uint64_t take_and_give(Subject& subject, std::size_t size, std::uint64_t n) {
  const Ink ink;
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    typename Subject::Item item = subject.take(size);
    std::byte* const bytes = subject.bytes(item);
    if constexpr (kTouched) touch(bytes, size, kTouchedBytes, ink);
    done += bytes != nullptr ? 1U : 0U;
    subject.end(item, size);
  }
  return done;
}

/// Takes `kCount`, then gives all of them back in the same order; n objects in all.
template <std::size_t kCount, class Subject>
std::uint64_t burst(Subject& subject, std::size_t size, std::uint64_t n) {
  std::array<typename Subject::Item, kCount> items{};
  const Ink ink;
  std::uint64_t done = 0;
  for (std::uint64_t left = n; left != 0;) {
    const std::size_t count = left < kCount ? static_cast<std::size_t>(left) : kCount;
    for (std::size_t i = 0; i < count; ++i) {
      items[i] = subject.take(size);
      std::byte* const bytes = subject.bytes(items[i]);
      touch(bytes, kSmallestTouched, kSmallestTouched, ink);
      done += bytes != nullptr ? 1U : 0U;
    }
    for (std::size_t i = 0; i < count; ++i) subject.give(items[i], size);
    left -= count;
  }
  return done;
}

/// Sizes in a random order that is the same in every run: each power of two between the bounds
/// comes as often as any other.
[[nodiscard]] inline std::vector<std::uint32_t> log_uniform_sizes(std::size_t least,
                                                                  std::size_t most) {
  constexpr std::size_t kCount = 4096;  // 16 KiB of them: in the cache, and no pattern to learn
  std::minstd_rand random(7);
  std::uniform_real_distribution<double> exponent(std::log2(static_cast<double>(least)),
                                                  std::log2(static_cast<double>(most)));
  std::vector<std::uint32_t> sizes(kCount);
  for (std::uint32_t& size : sizes) size = static_cast<std::uint32_t>(std::exp2(exponent(random)));
  return sizes;
}

/// `kLive` objects, of which the oldest is replaced by one of another size, over and over.
///
/// Thread safety: one thread at a time; it is emptied where it is destroyed.
template <class Subject, std::size_t kLiveObjects = 256>
class Window {
 public:
  static constexpr std::size_t kLive = kLiveObjects;

  Window(Subject subject, const std::vector<std::uint32_t>& sizes, std::size_t start)
      : subject_(std::move(subject)), sizes_(sizes), next_(start) {}
  Window(Window&&) noexcept = default;
  ~Window() {
    for (Held& held : held_) {
      if (held.size != 0) subject_.give(held.item, held.size);
    }
  }

  /// Replaces n. @returns how many it did.
  std::uint64_t lap(std::uint64_t n) {
    const Ink ink;
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      Held& held = held_[next_ % kLive];
      if (held.size != 0) subject_.give(held.item, held.size);
      held.size = sizes_[next_ % sizes_.size()];
      held.item = subject_.take(held.size);
      std::byte* const bytes = subject_.bytes(held.item);
      touch(bytes, kSmallestTouched, kSmallestTouched, ink);
      done += bytes != nullptr ? 1U : 0U;
      ++next_;
    }
    return done;
  }

 private:
  struct Held {
    typename Subject::Item item{};
    std::size_t size = 0;  // 0: there is none
  };

  Subject subject_;
  const std::vector<std::uint32_t>& sizes_;
  std::size_t next_;
  std::vector<Held> held_ = std::vector<Held>(kLive);
};

}  // namespace tarn::tools
