// SPDX-License-Identifier: Apache-2.0
// Running a model, and demanding that it holds or that it is found to break.
#pragma once

#include <cstdint>
#include <cstdio>
#include <iostream>

#include "model/model_atomic.hpp"

namespace tarn::model {

/// Explores all interleavings with at most so many preemptions, in which a load may also see any
/// older value that its order allows; few preemptions find nearly all real faults.
inline constexpr unsigned kPreemptions = 8;

/// The same for models that are too large for that many.
inline constexpr unsigned kFewerPreemptions = 4;

/// Executions after which a search that has not ended counts as failed.
inline constexpr unsigned kMaxExecutions = 20'000'000;

/// Counts what went against its expectation; the program's exit code.
class Report {
 public:
  /// No execution of the model may break an assertion or have a data race.
  template <class Model>
  void expect_holds(const char* name, unsigned preemptions = kPreemptions) {
    rl::test_params params;
    const bool held = explore<Model>(params, std::cout, preemptions);
    note(name, "holds", held && params.stop_iteration < kMaxExecutions, params);
  }

  /// The same model with a fault planted: a search that does not find it proves nothing.
  template <class Model>
  void expect_breaks(const char* name, Weakened fault = Weakened::none,
                     unsigned preemptions = kPreemptions) {
    rl::test_params params;
    std::ostream nowhere(nullptr);
    weakened = fault;
    const bool held = explore<Model>(params, nowhere, preemptions);
    weakened = Weakened::none;
    note(name, "is found to break", !held, params);
  }

  [[nodiscard]] int exit_code() const noexcept { return failures_ == 0 ? 0 : 1; }

 private:
  template <class Model>
  [[nodiscard]] static bool explore(rl::test_params& params, std::ostream& log,
                                    unsigned preemptions) {
    params.search_type = rl::sched_bound;
    params.context_bound = preemptions;
    params.iteration_count = kMaxExecutions;
    params.output_stream = &log;
    params.progress_stream = &log;
    return rl::simulate<Model>(params);
  }

  void note(const char* name, const char* what, bool ok, const rl::test_params& params) {
    std::cout.flush();
    std::printf("%s: %s %s (%s, %ju executions)\n", ok ? "ok" : "FAILED", name, what,
                rl::test_result_str(params.test_result),
                static_cast<std::uintmax_t>(params.stop_iteration));
    std::fflush(stdout);
    if (!ok) ++failures_;
  }

  int failures_ = 0;
};

}  // namespace tarn::model
