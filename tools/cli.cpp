// SPDX-License-Identifier: Apache-2.0
// The command line: commands, options, help. Program tarn.
#include "cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <tarn/version.hpp>
#include <vector>

#include "bench/bench_command.hpp"
#include "bench/bench_report.hpp"
#include "bench/bench_units.hpp"
#include "common/exit_status.hpp"
#include "common/output.hpp"
#include "common/text.hpp"
#include "replay/replay_command.hpp"
#include "sizes/sizes_command.hpp"

namespace tarn::tools {

namespace {

constexpr const char* kAbout =
    "Measures tarn, pooled byte buffers for network programs, beside other allocators.";

constexpr const char* kReplayAbout =
    R"(Replays recorded allocation traffic (ATRC files) through allocators and compares them.

Every object gets a stamp in its first and last bytes, which is checked at its end, so that two
live objects that overlap are found. Each allocator runs in processes of its own, rounds interleaved;
one more run of each, not timed, watches memory.)";

constexpr const char* kReplayNotes = R"(What is done:
  --mode memory  tarn: allocate and deallocate with the recorded alignment; calloc is an
                 allocation and a memset, realloc is reallocate.
                 Others: the same calls as the recorded program made, realloc included.
  --mode buffer  each object is a ByteBuf, of tarn's pools or over the other's malloc. A buffer has
                 its allocator's alignment, so memalign is like malloc; calloc is a buffer and a
                 memset; realloc is ByteBuf::capacity.
What is measured:
  time           of the trace's window, not of its prologue and epilogue; two events are a pair
  ratio          of the medians, to malloc's
  cache hits     of the window's look-ups in tarn's thread caches
  peak live      requested bytes
  peak resident  anonymous memory above the start, the replay's own not counted; in that run
                 every object is filled and checked whole, in the timed ones at its ends
  after trim     the same when everything has been freed and trimmed
After trim_all tarn must have nothing in use, cached or pending, and at most one chunk mapped for
each arena in use.
Exit status: 0 done, 1 a check failed, 2 bad usage or a file that can't be read.)";

constexpr const char* kBenchAbout =
    R"(Measures tarn beside what one would take instead, in one run on this machine.

Each contestant runs in processes of its own, with its library preloaded; rounds are interleaved,
threads stay on their cores, and a second thread is alive before anything is timed.)";

constexpr const char* kBenchNotes =
    R"(Cases (a result's case is one of these, or has a part behind a slash):
@CASES@
Rows:
  tarn           as in the case's title
  floor          the least that can be done: a thread-local list without count, bound or owner; a
                 bare ring between threads; the same on a raw pointer
  others         the peers of --peer, and what the standard library has
Figures: nanoseconds an operation, the median of all samples and, in parentheses, the least of them.
  x best peer    of the medians, to the fastest peer's in that line
  x floor        of the medians, to the floor's
  ~              unsteady: @RULE@
Exit status: 0 done, 1 a check failed, 2 bad usage.)";

constexpr const char* kSizesAbout =
    "Prints the size classes of a pool: what a size is rounded up to, and how its regions are cut "
    "from pages.";

/// A number from `least` to `most`.
template <class T>
void add_number(CLI::App& app, const std::string& name, T& value, T least, T most,
                const std::string& help) {
  const auto check = [least, most](const std::string& text) -> std::string {
    T number{};
    if (CLI::detail::lexical_cast(text, number) && text.front() != '-' && number >= least &&
        number <= most) {
      return {};
    }
    return concat("'", text, "' is not a number from ", least, " to ", most);
  };
  app.add_option(name, value, help)
      ->check(CLI::Validator(check, ""))
      ->option_text(concat("N=", value));
}

/// One of two words; the first stands for `value` being false.
void add_choice(CLI::App& app, const std::string& name, std::string& value,
                const std::string& other, const std::string& help) {
  const std::string usual = value;
  const auto check = [usual, other](const std::string& text) -> std::string {
    if (text == usual || text == other) return {};
    return concat("'", text, "' is not one of ", usual, ", ", other);
  };
  app.add_option(name, value, help)
      ->check(CLI::Validator(check, ""))
      ->option_text(concat(usual, "|", other, "=", usual));
}

/// Names an allocator that a user adds to the known ones.
void add_preloads(CLI::App& command, std::vector<std::string>& preloads) {
  command
      .add_option("--preload", preloads,
                  "Adds an allocator: the shared library FILE, called NAME;\n"
                  "may be repeated")
      ->option_text("NAME=FILE")
      ->allow_extra_args(false);
}

/// What `tarn replay` is given in words.
struct ReplayWords {
  std::string mode = "buffer";
  std::string kind = "heap";
  std::string threads = "one";

  void put_into(ReplayOptions& options) const {
    options.mode = mode == "buffer" ? ReplayMode::buffer : ReplayMode::memory;
    options.kind = kind == "heap" ? ReplayKind::heap : ReplayKind::direct;
    options.recorded_threads = threads == "recorded";
  }
};

CLI::App& add_replay(CLI::App& app, ReplayOptions& options, ReplayWords& words) {
  CLI::App& replay = *app.add_subcommand("replay", kReplayAbout);
  replay.footer(kReplayNotes);
  replay.add_option("TRACE", options.traces, "Trace files (.atrc.zst)")
      ->required()
      ->option_text("...");
  replay
      .add_option("--allocator", options.allocators,
                  "Comma-separated: tarn, malloc (the C library's) and, where\n"
                  "installed, jemalloc, mimalloc, tcmalloc, tbb")
      ->option_text("LIST=" + options.allocators);
  add_preloads(replay, options.preloads);
  add_choice(replay, "--mode", words.mode, "memory",
             "What an object becomes: a ByteBuf or plain memory");
  add_choice(replay, "--kind", words.kind, "direct", "tarn's memory");
  add_choice(replay, "--threads", words.threads, "recorded",
             "One thread in the file's order, or as many as were\n"
             "recorded, each in its own");
  add_number(replay, "--lead", options.lead, 0U, 1U << 30,
             "With recorded threads: none starts an event more than N\n"
             "ahead of the earliest one not done");
  add_number(replay, "--rounds", options.rounds, 1U, 1000U, "Timed rounds of each allocator");
  replay.add_flag("--json", options.json, "Prints one JSON object instead of a table");
  return replay;
}

/// The notes, with the cases' names and the rule for unsteady rows in their places.
std::string bench_notes() {
  std::string notes = kBenchNotes;
  const auto put = [&notes](std::string_view place, const std::string& text) {
    notes.replace(notes.find(place), place.size(), text);
  };
  std::string cases;
  for (const BenchCase& one : bench_cases()) {
    const std::size_t width = 15;
    cases += concat("  ", one.name, std::string(width - one.name.size(), ' '), one.about, "\n");
  }
  put("@CASES@\n", cases);
  put("@RULE@", kUnsteadyRule);
  return notes;
}

CLI::App& add_bench(CLI::App& app, BenchOptions& options) {
  CLI::App& bench = *app.add_subcommand("bench", kBenchAbout);
  bench.footer(bench_notes());
  bench.add_option("--case", options.cases, "Comma-separated: what is measured, see below")
      ->option_text("LIST=all");
  bench
      .add_option("--peer", options.peers,
                  "Comma-separated: tarn, malloc (the C library's) and, where\n"
                  "installed, jemalloc, mimalloc, tcmalloc, tbb")
      ->option_text("LIST=all");
  add_preloads(bench, options.preloads);
  add_number(bench, "--rounds", options.rounds, 1U, 1000U, "Rounds of each; five samples a round");
  add_number(bench, "--sample-us", options.sample_us, 1U, 1000000U,
             "Microseconds that a sample takes at least");
  bench
      .add_option("--traces", options.traces,
                  "Replays the traces (*.atrc.zst) of this folder instead of\n"
                  "those that come with tarn")
      ->option_text("FOLDER");
  bench.add_flag("--json", options.json, "Prints one JSON object instead of tables");
  return bench;
}

void add_sizes(CLI::App& app, SizesOptions& options) {
  CLI::App& sizes = *app.add_subcommand("sizes", kSizesAbout);
  add_number(sizes, "--page-size", options.page_size, std::size_t{4096}, std::size_t{1} << 30,
             "Bytes of a page, a power of two");
  add_number(sizes, "--max-order", options.max_order, 0U, 14U,
             "A chunk is the page size << N, at most 1 GiB");
  sizes.add_flag("--json", options.json, "Prints one JSON object instead of a table");
}

/// The first word is a command or asks about the program. CLI11 would only say that a command is
/// missing, whatever stands there.
void require_known_word(const CLI::App& app, const char* word) {
  std::vector<std::string> known = {"-h", "--help", "--version"};
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (word != nullptr && std::find(known.begin(), known.end(), word) != known.end()) return;
  std::string all;
  for (const std::string& one : known) all += all.empty() ? one : ", " + one;
  const std::string what =
      word == nullptr ? "an argument is needed:" : concat("'", word, "' is not");
  throw UsageError(concat(what, " one of ", all, " (see tarn --help)"));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app(kAbout, "tarn");
  app.require_subcommand(1);
  app.set_version_flag("--version", concat("tarn ", TARN_VERSION_STRING));
  ReplayOptions replay;
  ReplayWords words;
  SizesOptions sizes;
  BenchOptions bench;
  const CLI::App& replay_command = add_replay(app, replay, words);
  const CLI::App& bench_command = add_bench(app, bench);
  add_sizes(app, sizes);
  require_known_word(app, argc > 1 ? argv[1] : nullptr);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    write_output(app.help());
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    write_output(concat(version.what(), "\n"));
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    const std::string command = app.get_subcommands().empty() ? "" : concat(" ", argv[1]);
    throw UsageError(concat(error.what(), " (see tarn", command, " --help)"));
  }
  words.put_into(replay);
  if (replay_command.parsed()) return run_replay(replay);
  return bench_command.parsed() ? run_bench(bench) : run_sizes(sizes);
}

}  // namespace tarn::tools
