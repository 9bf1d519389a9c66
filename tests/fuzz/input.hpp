// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share: how they fail, and how they make decisions of bytes. Test support.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace tarn::fuzz {

using Input = std::span<const std::uint8_t>;

/// Ends the program when the library breaks its word.
inline void require(bool holds, const char* what) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// Reads decisions off an input; zeros once that is used up.
class Decisions {
 public:
  explicit Decisions(Input input) : rest_(input) {}

  [[nodiscard]] bool any_left() const { return !rest_.empty(); }
  [[nodiscard]] std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  /// Mostly up to a little above `around`; at times one of the largest numbers there are.
  [[nodiscard]] std::size_t index(std::size_t around) {
    const std::size_t how = byte();
    if (how >= 0xF8) return SIZE_MAX - (how & 7U);
    if (how >= 0xE0) return around + (how & 3U) - 1;  // about the edge; SIZE_MAX when that is 0
    return (how * 256 + byte()) % (around + 2);
  }

 private:
  Input rest_;
};

}  // namespace tarn::fuzz
