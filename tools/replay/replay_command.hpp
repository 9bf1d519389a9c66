// SPDX-License-Identifier: Apache-2.0
// `tarn replay`: recorded allocation traffic through several allocators. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/peers.hpp"
#include "common/progress.hpp"
#include "replay/replay_report.hpp"
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

/// What replaying some traces came to: a row for each trace and peer.
struct ReplayOutcome {
  std::vector<ReplayRow> rows;
  bool all_well = true;  // nothing has failed, and no check has
};

/// Reads the traces of `options` and replays nothing.
///
/// @errors UsageError for one that can't be read or replayed
void require_replayable(const ReplayOptions& options);

/// Replays the traces of `options` with every peer; says what goes wrong.
///
/// @errors UsageError for a trace that can't be read or replayed, before anything runs; RunError
[[nodiscard]] ReplayOutcome replay_traces(const ReplayOptions& options,
                                          const std::vector<Peer>& peers, Progress& progress);

/// Steps of its progress.
[[nodiscard]] std::size_t replay_steps(const ReplayOptions& options,
                                       const std::vector<Peer>& peers);

/// Runs the command and writes its results; returns the exit status.
///
/// @errors UsageError, RunError
[[nodiscard]] int run_replay(const ReplayOptions& options);

}  // namespace tarn::tools
