// SPDX-License-Identifier: Apache-2.0
// The command line: commands, options, help. Program tarn.
#include "cli.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <tarn/version.hpp>

#include "common/exit_status.hpp"
#include "common/output.hpp"
#include "common/text.hpp"
#include "replay/replay_command.hpp"

namespace tarn::tools {

namespace {

constexpr const char* kAbout =
    "Measures tarn, pooled byte buffers for network programs, beside other allocators.";

constexpr const char* kReplayAbout =
    R"(Replays recorded allocation traffic (ATRC files) through allocators and compares them.

Every object gets a stamp in its first and last bytes, which is checked at its end: two live
objects that overlap are found. Each allocator runs in processes of its own, rounds interleaved;
one more run of each, not timed, watches memory.)";

constexpr const char* kReplayNotes = R"(What is done:
  --mode memory  tarn: allocate and deallocate with the recorded alignment; calloc is an
                 allocation and a memset, realloc an allocation, a copy and a deallocation.
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
                 every page of every object is written to, in the timed ones its ends alone
  after trim     the same when everything has been freed and trimmed
After trim_all tarn must have nothing in use, cached or pending, and at most one chunk mapped for
each arena in use.
Exit status: 0 done, 1 a check failed, 2 bad usage or a file that can't be read.)";

void add_replay(CLI::App& app, ReplayOptions& options) {
  CLI::App& replay = *app.add_subcommand("replay", kReplayAbout);
  replay.footer(kReplayNotes);
  replay.add_option("TRACE", options.traces, "Trace files (.atrc.zst)")->required();
  replay
      .add_option("--allocator", options.allocators,
                  "LIST, comma-separated: tarn, malloc (the C library's), and where installed "
                  "jemalloc, mimalloc, tcmalloc, tbb")
      ->capture_default_str()
      ->type_name("LIST");
  replay
      .add_option("--preload", options.preloads,
                  "Adds an allocator: the shared library FILE, called NAME; may be repeated")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  replay.add_option("--mode", options.mode, "What an object becomes: a buffer, or plain memory")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ReplayMode>{
          {"buffer", ReplayMode::buffer}, {"memory", ReplayMode::memory}}))
      ->type_name("buffer|memory")
      ->default_str("buffer");
  replay.add_option("--kind", options.kind, "tarn's memory")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ReplayKind>{
          {"heap", ReplayKind::heap}, {"direct", ReplayKind::direct}}))
      ->type_name("heap|direct")
      ->default_str("heap");
  replay
      .add_option("--threads", options.recorded_threads,
                  "One thread in the file's order, or as many as were recorded, each in its own")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"one", false}, {"recorded", true}}))
      ->type_name("one|recorded")
      ->default_str("one");
  replay
      .add_option("--lead", options.lead,
                  "With recorded threads: none starts an event more than N ahead of the earliest "
                  "one not done")
      ->check(CLI::Range(0U, 1U << 30))
      ->type_name("N")
      ->capture_default_str();
  replay.add_option("--rounds", options.rounds, "Timed rounds of each allocator")
      ->check(CLI::Range(1U, 1000U))
      ->type_name("N")
      ->capture_default_str();
  replay.add_flag("--json", options.json, "Prints one JSON object instead of a table");
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app(kAbout, "tarn");
  app.require_subcommand(1);
  app.set_version_flag("--version", concat("tarn ", TARN_VERSION_STRING));
  ReplayOptions replay;
  add_replay(app, replay);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    write_output(app.help());
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    write_output(concat(version.what(), "\n"));
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    throw UsageError(concat(error.what(), " (see tarn --help)"));
  }
  return run_replay(replay);
}

}  // namespace tarn::tools
