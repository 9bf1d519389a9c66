// SPDX-License-Identifier: Apache-2.0
// What a child process does for `tarn bench`. Program tarn.
#include "bench/bench_child.hpp"

#include <atomic>
#include <exception>
#include <string>
#include <thread>

#include "bench/bench_block.hpp"
#include "bench/bench_run.hpp"
#include "bench/bench_units.hpp"
#include "common/child.hpp"
#include "common/exit_status.hpp"
#include "common/pinning.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

/// A second thread, alive and asleep: the C library and libstdc++ leave out atomic operations until
/// a process has one, which no server that uses threads profits from.
class Company {
 public:
  Company() : thread_([this] { over_.wait(false, std::memory_order_acquire); }) {}
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;
  ~Company() {
    over_.store(true, std::memory_order_release);
    over_.notify_one();
    thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

void run(const BenchRequest& request, BenchResult& result) {
  const std::string foreign = foreign_malloc(request.preload.data());
  if (!foreign.empty()) throw RunError(foreign);
  const BenchUnit* const unit = find_bench_unit(request.unit.data());
  if (unit == nullptr) throw RunError(concat("no unit is called '", request.unit.data(), "'"));
  const Company company;
  pin_this_thread(0);
  BenchRun at_work(request, result);
  unit->run(at_work);
}

}  // namespace

int bench_child() {
  follow_parent();
  const SharedBlock block = SharedBlock::adopt(kChildBlockFd);
  BenchResult& result = bench_result_of(block);
  try {
    run(bench_request_of(block), result);
  } catch (const std::exception& error) {
    copy_text(result.fault, error.what());
  }
  result.done = true;
  return kExitDone;
}

}  // namespace tarn::tools
