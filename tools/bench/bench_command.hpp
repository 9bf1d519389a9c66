// SPDX-License-Identifier: Apache-2.0
// `tarn bench`: tarn beside what its users would take instead. Program tarn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tarn::tools {

struct BenchOptions {
  std::optional<std::string> cases;  // none: all
  std::string peers = "tarn,malloc,jemalloc,mimalloc,tcmalloc,tbb";
  std::vector<std::string> preloads;  // NAME=FILE
  std::uint32_t rounds = 5;
  std::uint32_t sample_us = 2000;
  std::string traces;  // folder; empty: those that are bundled with tarn
  bool json = false;
};

/// Runs the command and writes its results; returns the exit status.
///
/// @errors UsageError, RunError
[[nodiscard]] int run_bench(const BenchOptions& options);

}  // namespace tarn::tools
