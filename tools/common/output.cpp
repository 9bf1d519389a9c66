// SPDX-License-Identifier: Apache-2.0
// Results go to standard output whole or the program fails. Program tarn.
#include "common/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

void write_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EINTR) {
      throw RunError(concat("can't write to standard output: ", errno_text(errno)));
    }
  }
}

void say(std::string_view line) noexcept {
  std::fprintf(stderr, "tarn: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace tarn::tools
