// SPDX-License-Identifier: Apache-2.0
// A progress bar, on a terminal only. Program tarn.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tarn::tools {

/// One line of standard error that shows how far the work is; nothing when that is no terminal.
/// Thread safety: one thread at a time.
class Progress {
 public:
  explicit Progress(std::size_t steps);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// Shows what is being done now.
  void show(std::string_view now);
  /// One step more is done.
  void step() noexcept { ++done_; }
  /// Takes the line away, so that something else can be written.
  void clear();

 private:
  std::size_t steps_;
  std::size_t done_ = 0;
  bool terminal_;
};

/// The line itself: a bar, the share done, and what is being done.
[[nodiscard]] std::string progress_line(std::size_t done, std::size_t steps, std::string_view now);

}  // namespace tarn::tools
