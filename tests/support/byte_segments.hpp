// SPDX-License-Identifier: Apache-2.0
// Bytes cut into odd-sized segments. Test support.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/detail/buffer/byte_source.hpp"

namespace tarn::testing_support {

/// Text in segments of 1, 2, 3, ... bytes.
class Segments {
 public:
  explicit Segments(std::string_view text) {
    for (std::size_t at = 0, n = 1; at < text.size(); at += n - 1) {
      parts_.emplace_back(text.substr(at, n));
      ++n;
    }
  }
  [[nodiscard]] detail::ByteSource source() const {
    return {this,
            [](const void* self, std::size_t index) noexcept {
              const std::string& part = static_cast<const Segments*>(self)->find(index);
              return std::as_bytes(std::span(part)).subspan(index);
            },
            [](const void* self, std::size_t index) noexcept {
              std::size_t inside = index - 1;
              const std::string& part = static_cast<const Segments*>(self)->find(inside);
              return std::as_bytes(std::span(part)).first(inside + 1);
            }};
  }
  [[nodiscard]] detail::SourceRange range(std::size_t index, std::size_t n) const {
    return {source(), index, n};
  }
  [[nodiscard]] std::span<const std::byte> part(std::size_t i) const {
    return std::as_bytes(std::span(parts_[i]));
  }

 private:
  /// The part with byte `index`, which becomes the index inside it.
  const std::string& find(std::size_t& index) const {
    for (const std::string& part : parts_) {
      if (index < part.size()) return part;
      index -= part.size();
    }
    return parts_.back();
  }
  std::vector<std::string> parts_;
};

}  // namespace tarn::testing_support
