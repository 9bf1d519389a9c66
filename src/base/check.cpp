// SPDX-License-Identifier: Apache-2.0
// The end of the program after a broken invariant. Layer base.
#include "tarn/detail/base/check.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "tarn/detail/base/log.hpp"

namespace tarn::base {
namespace {

constexpr std::string_view kPrefix = "tarn: fatal: ";

/// A line put together without memory; what does not fit is cut off.
class Line {
 public:
  void append(std::string_view text) noexcept {
    const std::size_t room = text_.size() - 1 - used_;
    used_ += text.copy(text_.data() + used_, room);
  }
  void append_number(std::uintptr_t value, int base) noexcept {
    const auto end =
        std::to_chars(text_.data() + used_, text_.data() + text_.size() - 1, value, base);
    if (end.ec == std::errc{}) used_ = static_cast<std::size_t>(end.ptr - text_.data());
  }
  /// Ends the line, for which there is always room.
  void end() noexcept { text_[used_++] = '\n'; }
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), used_}; }

 private:
  std::array<char, 512> text_{};  // bytes: an expression, a path and a number; stays on the stack
  std::size_t used_ = 0;
};

/// To stderr first: the sink is the user's, and may not come back.
[[noreturn]] void report_and_abort(Line& line) noexcept {
  const std::string_view message = line.text();
  line.end();
  const std::string_view text = line.text();
  // Nothing is left to do about a short write.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  log_last_words(message.substr(kPrefix.size()));
  std::abort();
}

}  // namespace

void check_failed(const char* text, const char* file, int line_number) noexcept {
  Line line;
  line.append(kPrefix);
  line.append("check failed: ");
  line.append(text);
  line.append(" (");
  line.append(file);
  line.append(":");
  line.append_number(static_cast<std::uintptr_t>(line_number), 10);
  line.append(")");
  report_and_abort(line);
}

void fatal(const char* what, const void* address, const char* detail) noexcept {
  Line line;
  line.append(kPrefix);
  line.append(what);
  if (address != nullptr) {
    line.append(" at 0x");
    line.append_number(reinterpret_cast<std::uintptr_t>(address), 16);
  }
  if (*detail != '\0') {
    line.append(" ");
    line.append(detail);
  }
  report_and_abort(line);
}

}  // namespace tarn::base
