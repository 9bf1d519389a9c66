// SPDX-License-Identifier: Apache-2.0
// The program tarn: what it is started for. Program tarn.
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "bench/bench_block.hpp"
#include "bench/bench_child.hpp"
#include "cli.hpp"
#include "common/child.hpp"
#include "common/exit_status.hpp"
#include "common/output.hpp"
#include "common/text.hpp"
#include "replay/replay_child.hpp"
#include "replay/script.hpp"

namespace {

/// The work of a child process, by its name.
int run_as_child(std::string_view work) {
  if (work == tarn::tools::kReplayWork) return tarn::tools::replay_child();
  if (work == tarn::tools::kBenchWork) return tarn::tools::bench_child();
  throw tarn::tools::UsageError(tarn::tools::concat("no work is called '", work, "'"));
}

int run(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], tarn::tools::kChildWord) == 0) return run_as_child(argv[2]);
  return tarn::tools::run_command_line(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  using tarn::tools::say;
  try {
    return run(argc, argv);
  } catch (const tarn::tools::UsageError& error) {
    say(error.what());
    return tarn::tools::kExitUsage;
  } catch (const std::bad_alloc&) {
    say("out of memory");
  } catch (const std::exception& error) {
    say(error.what());
  }
  return tarn::tools::kExitCheckFailed;
}
