// SPDX-License-Identifier: Apache-2.0
// The end of the program after a broken invariant. Layer base.
#include "tarn/detail/base/check.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace tarn::base {
namespace {

/// A line put together without memory; what does not fit is cut off.
class Line {
 public:
  void append(std::string_view text) noexcept {
    const std::size_t room = text_.size() - used_;
    used_ += text.copy(text_.data() + used_, room);
  }
  void append_number(std::uintptr_t value, int base) noexcept {
    const auto end = std::to_chars(text_.data() + used_, text_.data() + text_.size(), value, base);
    if (end.ec == std::errc{}) used_ = static_cast<std::size_t>(end.ptr - text_.data());
  }
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), used_}; }

 private:
  std::array<char, 512> text_{};  // bytes: an expression, a path and a number; stays on the stack
  std::size_t used_ = 0;
};

[[noreturn]] void report_and_abort(const Line& line) noexcept {
  const std::string_view text = line.text();
  // Nothing is left to do about a short write.
  static_cast<void>(::write(STDERR_FILENO, text.data(), text.size()) == 0);
  std::abort();
}

}  // namespace

void check_failed(const char* text, const char* file, int line_number) noexcept {
  Line line;
  line.append("tarn: fatal: check failed: ");
  line.append(text);
  line.append(" (");
  line.append(file);
  line.append(":");
  line.append_number(static_cast<std::uintptr_t>(line_number), 10);
  line.append(")\n");
  report_and_abort(line);
}

void fatal(const char* what, const void* address, const char* detail) noexcept {
  Line line;
  line.append("tarn: fatal: ");
  line.append(what);
  if (address != nullptr) {
    line.append(" at 0x");
    line.append_number(reinterpret_cast<std::uintptr_t>(address), 16);
  }
  if (*detail != '\0') {
    line.append(" ");
    line.append(detail);
  }
  line.append("\n");
  report_and_abort(line);
}

}  // namespace tarn::base
