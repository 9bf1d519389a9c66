// SPDX-License-Identifier: Apache-2.0
// A progress bar, on a terminal only. Program tarn.
#include "common/progress.hpp"

#include <unistd.h>

#include <cstdio>

#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr std::size_t kBarWidth = 30;  // characters; the whole line then fits 80

}  // namespace

std::string progress_line(std::size_t done, std::size_t steps, std::string_view now) {
  const std::size_t filled = steps == 0 ? kBarWidth : done * kBarWidth / steps;
  const std::size_t percent = steps == 0 ? 100 : done * 100 / steps;
  return concat("[", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), "] ", percent,
                "% ", now);
}

Progress::Progress(std::size_t steps) : steps_(steps), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view now) {
  if (!terminal_) return;
  // Back to the line's start, and what was longer before is erased.
  std::fprintf(stderr, "\r%s\x1b[K", progress_line(done_, steps_, now).c_str());
}

void Progress::clear() {
  if (terminal_) std::fputs("\r\x1b[K", stderr);
}

}  // namespace tarn::tools
