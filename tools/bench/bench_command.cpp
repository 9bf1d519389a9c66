// SPDX-License-Identifier: Apache-2.0
// `tarn bench`: tarn beside what its users would take instead. Program tarn.
#include "bench/bench_command.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "bench/bench_block.hpp"
#include "bench/bench_report.hpp"
#include "bench/bench_traces.hpp"
#include "bench/bench_units.hpp"
#include "bench/machine.hpp"
#include "common/child.hpp"
#include "common/exit_status.hpp"
#include "common/list.hpp"
#include "common/output.hpp"
#include "common/peers.hpp"
#include "common/progress.hpp"
#include "common/rounds.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr std::uint32_t kSamplesARound = 5;
constexpr std::string_view kFloor = "floor";

/// Who is measured, each in processes of its own.
struct Contestant {
  Peer peer;
  BenchRole role;

  [[nodiscard]] bool is_plain_malloc() const { return peer.name == kMalloc; }
};

/// tarn and the floor, which shows what the machine does at best, come first.
std::vector<Contestant> contestants_of(const std::vector<Peer>& peers) {
  std::vector<Contestant> all;
  for (const Peer& peer : peers) {
    if (peer.name == kTarn) all.push_back({peer, BenchRole::tarn});
  }
  all.push_back({Peer{std::string(kFloor), {}}, BenchRole::floor});
  for (const Peer& peer : peers) {
    if (peer.name != kTarn) all.push_back({peer, BenchRole::peer});
  }
  return all;
}

/// What the children of one unit and size have measured: contestant and measurement -> samples.
struct Samples {
  std::vector<double> ns;
  std::uint64_t objects_created = 0;
};
using Tally = std::map<std::pair<std::string, std::string>, Samples>;

/// Measures one unit at one size with every contestant.
class UnitBench {
 public:
  UnitBench(const BenchOptions& options, const BenchUnit& unit, std::uint64_t size,
            const std::vector<Contestant>& contestants, Progress& progress)
      : options_(options),
        unit_(unit),
        size_(size),
        contestants_(contestants),
        progress_(progress),
        failed_(contestants.size()) {}

  void run() {
    run_interleaved(contestants_.size(), options_.rounds, [&](std::size_t who, std::size_t round) {
      progress_.show(concat(where(), ", ", contestants_[who].peer.name, ", round ", round + 1,
                            " of ", options_.rounds));
      const Contestant& contestant = contestants_[who];
      if (unit_.needs(contestant.role, contestant.is_plain_malloc()) && !failed_[who]) {
        run_once(who);
      }
      progress_.step();
    });
  }

  [[nodiscard]] bool all_well() const {
    return std::none_of(failed_.begin(), failed_.end(), [](bool failed) { return failed; });
  }

  /// The rows of one of the unit's groups.
  [[nodiscard]] std::vector<BenchRow> rows(const BenchGroup& group) const {
    std::vector<BenchRow> rows;
    for (const Contestant& contestant : contestants_) {
      const std::string& name = contestant.peer.name;
      if (contestant.role == BenchRole::tarn) {
        rows.push_back(row(group, BenchRow::Kind::tarn, name, name, group.tarn));
      } else if (contestant.role == BenchRole::floor && !group.floor.empty()) {
        rows.push_back(row(group, BenchRow::Kind::floor, name, name, group.floor));
      } else if (contestant.role == BenchRole::peer && !group.mallocs.empty()) {
        rows.push_back(row(group, BenchRow::Kind::peer, name, name, group.mallocs));
      }
      for (const BenchBeside& beside : group.beside) {
        if (beside.from != contestant.role) continue;
        if (beside.from == BenchRole::peer && !contestant.is_plain_malloc()) continue;
        const auto kind =
            beside.from == BenchRole::peer ? BenchRow::Kind::peer : BenchRow::Kind::beside;
        rows.push_back(row(group, kind, beside.label, name, beside.measurement));
      }
    }
    set_bench_ratios(rows);
    return rows;
  }

 private:
  [[nodiscard]] std::string where() const {
    return size_ == 0 ? std::string(unit_.name) : concat(unit_.name, " ", size_);
  }

  void run_once(std::size_t who) {
    const Contestant& contestant = contestants_[who];
    const SharedBlock block = SharedBlock::create(kBenchBlockSize);
    BenchRequest& request = bench_request_of(block);
    request.role = contestant.role;
    request.plain_malloc = contestant.is_plain_malloc();
    request.size = size_;
    request.spec = {std::uint64_t{1000} * options_.sample_us, kSamplesARound};
    copy_text(request.unit, unit_.name);
    set_preload(request.preload, contestant.peer);
    const std::string end = run_child(kBenchWork, contestant.peer, block);
    const BenchResult& result = bench_result_of(block);
    if (!end.empty()) {
      fail(who, end);
    } else if (!result.done) {
      fail(who, "ended without a result");
    } else if (result.fault[0] != '\0') {
      fail(who, result.fault.data());
    } else {
      take_samples(contestant, result);
    }
  }

  void take_samples(const Contestant& contestant, const BenchResult& result) {
    for (std::size_t i = 0; i < result.measurement_count; ++i) {
      const Measurement& measurement = result.measurements[i];
      Samples& samples = tally_[{contestant.peer.name, measurement.name.data()}];
      samples.ns.insert(
          samples.ns.end(), measurement.samples.begin(),
          measurement.samples.begin() + static_cast<std::ptrdiff_t>(measurement.sample_count));
      samples.objects_created = std::max(samples.objects_created, measurement.objects_created);
    }
  }

  void fail(std::size_t who, std::string_view what) {
    failed_[who] = true;
    progress_.clear();
    say(concat(where(), ", ", contestants_[who].peer.name, ": ", what));
  }

  [[nodiscard]] BenchRow row(const BenchGroup& group, BenchRow::Kind kind, std::string_view label,
                             const std::string& contestant, std::string_view measurement) const {
    BenchRow row;
    row.case_name = concat(unit_.name, group.suffix);
    row.peer = label;
    row.kind = kind;
    if (size_ != 0) row.size = size_;
    const auto found = tally_.find({contestant, std::string(measurement)});
    if (found == tally_.end()) return row;
    set_figures(row, found->second.ns);
    if (found->second.objects_created != 0) row.objects_created = found->second.objects_created;
    return row;
  }

  const BenchOptions& options_;
  const BenchUnit& unit_;
  const std::uint64_t size_;
  const std::vector<Contestant>& contestants_;
  Progress& progress_;
  Tally tally_;
  std::vector<bool> failed_;
};

std::vector<std::string> chosen_cases(const BenchOptions& options) {
  std::vector<std::string> all;
  for (const BenchCase& one : bench_cases()) all.emplace_back(one.name);
  return !options.cases ? all : parse_list("--case", *options.cases, all);
}

std::vector<const BenchUnit*> units_of(const std::vector<std::string>& cases) {
  std::vector<const BenchUnit*> units;
  for (const std::string& name : cases) {
    for (const BenchUnit& unit : bench_units()) {
      if (case_of(unit.name) == name) units.push_back(&unit);
    }
  }
  return units;
}

/// Measures the units of all chosen cases. @returns whether all went well.
bool run_units(const BenchOptions& options, const std::vector<const BenchUnit*>& units,
               const std::vector<Contestant>& contestants, Progress& progress,
               std::vector<BenchTable>& tables) {
  bool all_well = true;
  for (const BenchUnit* unit : units) {
    const std::size_t first = tables.size();
    for (const BenchGroup& group : unit->groups) {
      tables.push_back({concat(unit->name, group.suffix, ": ", group.title), {}});
    }
    for (const std::uint64_t size : unit->sizes) {
      UnitBench bench(options, *unit, size, contestants, progress);
      bench.run();
      all_well = all_well && bench.all_well();
      for (std::size_t i = 0; i < unit->groups.size(); ++i) {
        const std::vector<BenchRow> rows = bench.rows(unit->groups[i]);
        std::vector<BenchRow>& all = tables[first + i].rows;
        all.insert(all.end(), rows.begin(), rows.end());
      }
    }
  }
  return all_well;
}

/// Whether traces are to be replayed; says so when they can't.
bool wants_traces(const BenchOptions& options, const std::vector<std::string>& cases,
                  const BenchTraces& traces) {
  if (std::find(cases.begin(), cases.end(), kTracesCase) == cases.end()) return false;
  if (traces.has_any()) return true;
  constexpr const char* kMissing = "traces: none are found beside the program; --traces names them";
  if (options.cases) throw UsageError(kMissing);
  say(concat(kMissing, "; left out"));
  return false;
}

}  // namespace

int run_bench(const BenchOptions& options) {
  Peers known;
  for (const std::string& preload : options.preloads) known.add_preload(preload);
  const std::vector<std::string> cases = chosen_cases(options);
  const std::vector<Peer> peers = choose_peers("--peer", options.peers, known);
  const std::vector<const BenchUnit*> units = units_of(cases);
  const std::vector<Contestant> contestants = contestants_of(peers);
  const BenchTraces traces(options, peers);
  const bool with_traces = wants_traces(options, cases, traces);
  if (with_traces) traces.require_replayable();
  std::size_t steps = with_traces ? traces.steps() : 0;
  for (const BenchUnit* unit : units) {
    steps += unit->sizes.size() * contestants.size() * options.rounds;
  }
  Progress progress(steps);
  std::vector<BenchTable> tables;
  bool all_well = run_units(options, units, contestants, progress, tables);
  if (with_traces) all_well = traces.run(progress, tables) && all_well;
  progress.clear();
  const std::vector<BenchSetting> settings = run_settings(options, peers);
  write_output(options.json ? bench_json(tables, settings) : bench_text(tables, settings));
  return all_well ? kExitDone : kExitCheckFailed;
}

}  // namespace tarn::tools
