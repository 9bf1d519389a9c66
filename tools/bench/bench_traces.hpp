// SPDX-License-Identifier: Apache-2.0
// The case of recorded traces, which `tarn replay` runs. Program tarn.
#pragma once

#include <string>
#include <vector>

#include "bench/bench_command.hpp"
#include "bench/bench_report.hpp"
#include "common/peers.hpp"
#include "common/progress.hpp"

namespace tarn::tools {

/// What to replay, and how; without traces there is nothing to do.
class BenchTraces {
 public:
  /// Looks for the traces: in the folder that `options` name, else in the one bundled with tarn.
  ///
  /// @errors UsageError: the folder named has none.
  BenchTraces(const BenchOptions& options, const std::vector<Peer>& peers);

  [[nodiscard]] bool has_any() const noexcept { return !traces_.empty(); }
  [[nodiscard]] std::size_t steps() const;

  /// Finds out what run() would refuse, before the other cases have run for nothing.
  /// @errors UsageError for a trace that can't be read or replayed
  void require_replayable() const;

  /// One table for each mode, kind and way with threads. @returns whether all went well.
  /// @errors UsageError, RunError
  [[nodiscard]] bool run(Progress& progress, std::vector<BenchTable>& tables) const;

 private:
  const BenchOptions& options_;
  const std::vector<Peer>& peers_;
  std::vector<std::string> traces_;
};

}  // namespace tarn::tools
