// SPDX-License-Identifier: Apache-2.0
// The case of recorded traces, which `tarn replay` runs. Program tarn.
#include "bench/bench_traces.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "bench/bench_units.hpp"
#include "common/exit_status.hpp"
#include "common/statistics.hpp"
#include "common/text.hpp"
#include "replay/replay_command.hpp"

namespace tarn::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".atrc.zst";
constexpr double kEventsAPair = 2;  // figures are of an allocation and its release

std::vector<std::string> traces_in(const fs::path& folder) {
  std::vector<std::string> traces;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().string().ends_with(kEnding)) traces.push_back(entry.path().string());
  }
  std::sort(traces.begin(), traces.end());
  return traces;
}

/// The program is build/<preset>/tarn; the traces are in the tree that it was built of.
fs::path bundled_traces() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path().parent_path() / "traces";
}

struct Way {
  ReplayMode mode;
  ReplayKind kind;
  bool recorded_threads;

  /// As it stands in a case's name.
  [[nodiscard]] std::string name() const {
    return concat(mode == ReplayMode::memory ? "memory" : "buffer", "/",
                  kind == ReplayKind::direct ? "direct" : "heap", "/",
                  recorded_threads ? "recorded" : "one");
  }
};

constexpr std::array<Way, 8> kWays = {{
    {ReplayMode::memory, ReplayKind::direct, false},
    {ReplayMode::memory, ReplayKind::direct, true},
    {ReplayMode::memory, ReplayKind::heap, false},
    {ReplayMode::memory, ReplayKind::heap, true},
    {ReplayMode::buffer, ReplayKind::direct, false},
    {ReplayMode::buffer, ReplayKind::direct, true},
    {ReplayMode::buffer, ReplayKind::heap, false},
    {ReplayMode::buffer, ReplayKind::heap, true},
}};

ReplayOptions replay_options(const BenchOptions& options, const std::vector<std::string>& traces,
                             const Way& way) {
  ReplayOptions replay;
  replay.traces = traces;
  replay.mode = way.mode;
  replay.kind = way.kind;
  replay.recorded_threads = way.recorded_threads;
  replay.rounds = options.rounds;
  return replay;
}

BenchRow row_of(const ReplayRow& replayed, const Way& way) {
  BenchRow row;
  row.case_name = concat(kTracesCase, "/", replayed.trace, "/", way.name());
  row.peer = replayed.allocator;
  row.kind = replayed.allocator == kTarn ? BenchRow::Kind::tarn : BenchRow::Kind::peer;
  std::vector<double> samples = replayed.ns_per_event;
  for (double& sample : samples) sample *= kEventsAPair;
  set_figures(row, samples);
  row.peak_resident_bytes = replayed.peak_resident_bytes;
  row.resident_after_trim_bytes = replayed.resident_after_trim_bytes;
  return row;
}

/// tarn over all traces of a table: a row that has ratios alone.
BenchRow mean_row(const std::vector<BenchRow>& rows, const Way& way) {
  std::vector<double> times;
  std::vector<double> peaks;
  for (const BenchRow& row : rows) {
    if (row.kind != BenchRow::Kind::tarn) continue;
    if (row.ratio_to_best_peer.value_or(0) > 0) times.push_back(*row.ratio_to_best_peer);
    if (row.peak_resident_ratio.value_or(0) > 0) peaks.push_back(*row.peak_resident_ratio);
  }
  BenchRow mean;
  mean.case_name = concat(kTracesCase, "/geometric-mean/", way.name());
  mean.peer = kTarn;
  mean.kind = BenchRow::Kind::tarn;
  if (!times.empty()) mean.ratio_to_best_peer = geometric_mean(times);
  if (!peaks.empty()) mean.peak_resident_ratio = geometric_mean(peaks);
  return mean;
}

BenchTable table_of(const std::vector<ReplayRow>& replayed, const Way& way) {
  BenchTable table{concat(kTracesCase, ": ", way.name(), "; a pair of events"), {}};
  for (std::size_t first = 0; first < replayed.size();) {
    std::vector<BenchRow> rows;
    const std::string& trace = replayed[first].trace;
    for (; first < replayed.size() && replayed[first].trace == trace; ++first) {
      rows.push_back(row_of(replayed[first], way));
    }
    set_bench_ratios(rows);
    table.rows.insert(table.rows.end(), rows.begin(), rows.end());
  }
  table.rows.push_back(mean_row(table.rows, way));
  return table;
}

}  // namespace

BenchTraces::BenchTraces(const BenchOptions& options, const std::vector<Peer>& peers)
    : options_(options),
      peers_(peers),
      traces_(traces_in(options.traces.empty() ? bundled_traces() : fs::path(options.traces))) {
  if (traces_.empty() && !options.traces.empty()) {
    throw UsageError(
        concat("--traces: '", options.traces, "' is not a folder with files *", kEnding));
  }
}

std::size_t BenchTraces::steps() const {
  return kWays.size() * replay_steps(replay_options(options_, traces_, kWays[0]), peers_);
}

void BenchTraces::require_replayable() const {
  // Of a way, only its threads decide what a replay needs.
  for (const bool recorded_threads : {false, true}) {
    ReplayOptions replay;
    replay.traces = traces_;
    replay.recorded_threads = recorded_threads;
    tools::require_replayable(replay);
  }
}

bool BenchTraces::run(Progress& progress, std::vector<BenchTable>& tables) const {
  bool all_well = true;
  for (const Way& way : kWays) {
    const ReplayOutcome outcome =
        replay_traces(replay_options(options_, traces_, way), peers_, progress);
    tables.push_back(table_of(outcome.rows, way));
    all_well = all_well && outcome.all_well;
  }
  return all_well;
}

}  // namespace tarn::tools
