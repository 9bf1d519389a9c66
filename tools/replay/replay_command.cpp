// SPDX-License-Identifier: Apache-2.0
// `tarn replay`: recorded allocation traffic through several allocators. Program tarn.
#include "replay/replay_command.hpp"

#include <algorithm>
#include <string_view>

#include "common/child.hpp"
#include "common/exit_status.hpp"
#include "common/output.hpp"
#include "common/peers.hpp"
#include "common/progress.hpp"
#include "common/resident.hpp"
#include "common/rounds.hpp"
#include "common/statistics.hpp"
#include "common/text.hpp"
#include "replay/replay_report.hpp"
#include "trace/trace_reader.hpp"

namespace tarn::tools {

namespace {

// Threads: far more than any recorded server had, and what one process gets on any machine.
constexpr std::uint32_t kMaxThreads = 1024;
constexpr std::uint64_t kCellBytes = 64;  // the largest cell of any backend

/// A trace that is ready to be replayed, any number of times.
struct Loaded {
  std::string name;
  TraceHeader header;
  SharedBlock script;
};

/// Refuses what the machine can't replay, before it makes itself felt there.
void require_possible(const std::string& path, const Trace& trace, bool recorded_threads) {
  const TraceHeader& header = trace.header;
  if (recorded_threads && header.thread_count > kMaxThreads) {
    throw UsageError(concat(path, ": ", header.thread_count, " threads, at most ", kMaxThreads,
                            " can be replayed; --threads one needs one"));
  }
  const std::uint64_t needed = header.peak_live_bytes + script_bytes(trace, recorded_threads) +
                               header.object_count * kCellBytes;
  if (needed > physical_memory()) {
    throw UsageError(
        concat(path, ": a replay needs ", needed, " bytes, this machine has ", physical_memory()));
  }
}

Trace read_possible(const std::string& path, const ReplayOptions& options) {
  Trace trace = read_trace_file(path);
  require_possible(path, trace, options.recorded_threads);
  return trace;
}

std::vector<Loaded> load_all(const ReplayOptions& options) {
  std::vector<Loaded> all;
  for (const std::string& path : options.traces) {
    Trace trace = read_possible(path, options);
    SharedBlock script = make_script(trace, options.recorded_threads);
    all.push_back(Loaded{trace_name(path), std::move(trace.header), std::move(script)});
  }
  return all;
}

/// What has been measured of one allocator with one trace.
struct Tally {
  std::vector<double> window_ns;
  std::uint64_t stamp_errors = 0;
  ReplayResult watched{};  // of the run that is not timed
  bool failed = false;     // a child ended badly: there is no more to learn
  bool check_failed = false;
};

/// Replays one trace with every peer.
class TraceReplay {
 public:
  TraceReplay(const ReplayOptions& options, const Loaded& trace, const std::vector<Peer>& peers,
              Progress& progress)
      : options_(options),
        trace_(trace),
        peers_(peers),
        progress_(progress),
        tallies_(peers.size()) {}

  /// One run of each that watches memory, then the timed rounds.
  void run() {
    for (std::size_t peer = 0; peer < peers_.size(); ++peer) run_once(peer, true, "memory");
    run_interleaved(peers_.size(), options_.rounds, [&](std::size_t peer, std::size_t round) {
      run_once(peer, false, concat("round ", round + 1, " of ", options_.rounds));
    });
  }

  [[nodiscard]] std::vector<ReplayRow> rows() const {
    std::vector<ReplayRow> rows;
    for (std::size_t peer = 0; peer < peers_.size(); ++peer) rows.push_back(row(peer));
    set_ratios(rows);
    return rows;
  }
  [[nodiscard]] bool all_well() const {
    return std::none_of(tallies_.begin(), tallies_.end(), [](const Tally& tally) {
      return tally.failed || tally.check_failed || tally.stamp_errors != 0;
    });
  }

 private:
  void run_once(std::size_t number, bool measured, const std::string& what) {
    const Peer& peer = peers_[number];
    Tally& tally = tallies_[number];
    progress_.show(concat(trace_.name, ", ", peer.name, ", ", what));
    if (!tally.failed) {
      set_request(peer, measured);
      const std::string end = run_child(kReplayWork, peer, trace_.script);
      take_result(peer, end, measured, tally);
    }
    progress_.step();
  }

  void set_request(const Peer& peer, bool measured) const {
    ReplayRequest& request = request_of(trace_.script);
    request.mode = options_.mode;
    request.kind = options_.kind;
    request.lead = options_.lead;
    request.measured = measured;
    request.tarn = peer.name == kTarn;
    set_preload(request.preload, peer);
    result_of(trace_.script) = ReplayResult{};
  }

  void take_result(const Peer& peer, const std::string& end, bool measured, Tally& tally) {
    const ReplayResult& result = result_of(trace_.script);
    if (!end.empty()) {
      tally.failed = true;
      complain(peer, end);
    } else if (result.end != ReplayResult::End::done) {
      tally.failed = true;
      complain(peer, result.fault[0] != '\0' ? result.fault : "ended without a result");
    } else {
      if (result.fault[0] != '\0') {
        tally.check_failed = true;
        complain(peer, result.fault);
      }
      if (result.stamp_errors != 0) {
        complain(peer, concat(result.stamp_errors, " stamp errors, the first in object ",
                              result.first_bad_object));
      }
      tally.stamp_errors += result.stamp_errors;
      if (measured) {
        tally.watched = result;
      } else {
        tally.window_ns.push_back(static_cast<double>(result.window_ns));
      }
    }
  }

  void complain(const Peer& peer, std::string_view what) {
    progress_.clear();
    say(concat(trace_.name, ", ", peer.name, ": ", what));
  }

  [[nodiscard]] ReplayRow row(std::size_t number) const {
    const Tally& tally = tallies_[number];
    const TraceHeader& header = trace_.header;
    ReplayRow row;
    row.trace = trace_.name;
    row.allocator = peers_[number].name;
    row.mode = options_.mode == ReplayMode::buffer ? "buffer" : "memory";
    row.kind = options_.kind == ReplayKind::heap ? "heap" : "direct";
    row.threads = options_.recorded_threads ? "recorded" : "one";
    row.events = header.event_count;
    if (tally.failed) return row;
    const std::uint64_t window =
        header.event_count - header.prologue_events - header.epilogue_events;
    if (window != 0 && !tally.window_ns.empty()) {
      for (const double ns : tally.window_ns) {
        row.ns_per_event.push_back(ns / static_cast<double>(window));
      }
      row.ns_per_event_min = minimum(row.ns_per_event);
      row.ns_per_event_median = median(row.ns_per_event);
    }
    const ReplayResult& watched = tally.watched;
    const std::uint64_t lookups = watched.cache_hits + watched.cache_misses;
    if (lookups != 0) {
      row.cache_hit_share = static_cast<double>(watched.cache_hits) / static_cast<double>(lookups);
    }
    row.peak_live_bytes = watched.peak_live_bytes;
    row.peak_resident_bytes = watched.peak_resident_bytes;
    row.resident_after_trim_bytes = watched.resident_after_trim_bytes;
    row.stamp_errors = tally.stamp_errors;
    return row;
  }

  const ReplayOptions& options_;
  const Loaded& trace_;
  const std::vector<Peer>& peers_;
  Progress& progress_;
  std::vector<Tally> tallies_;
};

}  // namespace

std::size_t replay_steps(const ReplayOptions& options, const std::vector<Peer>& peers) {
  return options.traces.size() * peers.size() * (options.rounds + std::size_t{1});
}

void require_replayable(const ReplayOptions& options) {
  for (const std::string& path : options.traces) static_cast<void>(read_possible(path, options));
}

ReplayOutcome replay_traces(const ReplayOptions& options, const std::vector<Peer>& peers,
                            Progress& progress) {
  const std::vector<Loaded> traces = load_all(options);
  ReplayOutcome outcome;
  for (const Loaded& trace : traces) {
    TraceReplay replay(options, trace, peers, progress);
    replay.run();
    const std::vector<ReplayRow> its_rows = replay.rows();
    outcome.rows.insert(outcome.rows.end(), its_rows.begin(), its_rows.end());
    outcome.all_well = outcome.all_well && replay.all_well();
  }
  return outcome;
}

int run_replay(const ReplayOptions& options) {
  Peers known;
  for (const std::string& preload : options.preloads) known.add_preload(preload);
  const std::vector<Peer> peers = choose_peers("--allocator", options.allocators, known);
  Progress progress(replay_steps(options, peers));
  const ReplayOutcome outcome = replay_traces(options, peers, progress);
  progress.clear();
  write_output(options.json ? replay_json(outcome.rows) : replay_table(outcome.rows));
  return outcome.all_well ? kExitDone : kExitCheckFailed;
}

}  // namespace tarn::tools
