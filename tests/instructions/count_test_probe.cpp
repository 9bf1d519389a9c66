// SPDX-License-Identifier: Apache-2.0
// A probe whose cost is known to the instruction, for the test of count.py itself.
#include <atomic>
#include <cstdlib>
#include <string_view>

namespace {

std::atomic<int> cell{0};

constexpr std::string_view kAndOnce = "nops_10_and_once_";

void nops_10() { asm volatile("nop;nop;nop;nop;nop;nop;nop;nop;nop;nop"); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  const long count = std::atol(argv[2]);
  if (name == "nops_10_warmed") {
    for (int i = 0; i < 100'000; ++i) nops_10();
  }
  if (name == "nops_10" || name == "nops_10_warmed") {
    for (long i = 0; i < count; ++i) nops_10();
  } else if (name.starts_with(kAndOnce)) {
    // The longer run does so many more than its operations, once.
    const long once = count < 5'000 ? 0 : std::atol(argv[1] + kAndOnce.size());
    for (long i = 0; i < once; ++i) nops_10();
    for (long i = 0; i < count; ++i) nops_10();
  } else if (name == "nops_30") {
    for (long i = 0; i < count; ++i) {
      nops_10();
      nops_10();
      nops_10();
    }
  } else if (name == "locked_2") {
    for (long i = 0; i < count; ++i) {
      cell.fetch_add(1, std::memory_order_relaxed);
      cell.fetch_add(2, std::memory_order_relaxed);
    }
  } else if (name == "exchange_1") {
    for (long i = 0; i < count; ++i) {
      const int old = cell.exchange(1, std::memory_order_relaxed);
      asm volatile("" ::"r"(old));  // else clang makes a store of it
    }
  } else {
    return 2;
  }
  return 0;
}
