// SPDX-License-Identifier: Apache-2.0
// `tarn replay`: recorded allocation traffic through several allocators. Program tarn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/script.hpp"

namespace tarn::tools {

struct ReplayOptions {
  std::vector<std::string> traces;
  std::string allocators = "tarn,malloc";
  std::vector<std::string> preloads;  // NAME=FILE
  ReplayMode mode = ReplayMode::buffer;
  ReplayKind kind = ReplayKind::heap;
  bool recorded_threads = false;
  std::uint32_t lead = 4096;  // events
  std::uint32_t rounds = 5;   // timed ones
  bool json = false;
};

/// Runs the command and writes its results; returns the exit status.
///
/// @errors UsageError, RunError
[[nodiscard]] int run_replay(const ReplayOptions& options);

}  // namespace tarn::tools
