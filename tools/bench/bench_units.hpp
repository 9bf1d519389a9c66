// SPDX-License-Identifier: Apache-2.0
// What `tarn bench` can measure: its cases, the units they consist of, and which measurements are
// put beside each other. Program tarn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bench_block.hpp"
#include "bench/bench_run.hpp"

namespace tarn::tools {

/// A measurement that is a row of its own, besides tarn, the floor and every malloc.
struct BenchBeside {
  std::string_view label;
  BenchRole from;  // peer: measured under the C library's malloc, and one of the peers
  std::string_view measurement;
};

/// What is compared: its rows, for each size of its unit, form one `case` of the results.
struct BenchGroup {
  std::string_view suffix;  // behind the unit's name
  std::string title;        // what one operation is, for tarn
  std::string_view tarn;
  std::string_view mallocs;  // measured under each; empty: does not depend on malloc
  std::string_view floor;
  std::vector<BenchBeside> beside;
};

/// What is measured together in one child process for each contestant and size.
struct BenchUnit {
  std::string_view name;             // of a case, or CASE/PART
  std::vector<std::uint64_t> sizes;  // {0}: has none
  void (*run)(BenchRun& run);
  std::vector<BenchGroup> groups;

  /// Whether any of its groups needs the child of that role.
  [[nodiscard]] bool needs(BenchRole role, bool plain_malloc) const;
};

/// All units; those of one case follow each other.
[[nodiscard]] const std::vector<BenchUnit>& bench_units();

/// "pair/touched" belongs to case "pair".
[[nodiscard]] inline std::string_view case_of(std::string_view name) {
  return name.substr(0, name.find('/'));
}

/// The traces are no unit: `tarn replay` runs them.
inline constexpr std::string_view kTracesCase = "traces";

/// What a user chooses: one or more units.
struct BenchCase {
  std::string_view name;
  std::string_view about;
};

/// All cases, in the order in which they run.
[[nodiscard]] const std::vector<BenchCase>& bench_cases();

/// The unit of that name; null: there is none.
[[nodiscard]] const BenchUnit* find_bench_unit(std::string_view name);

}  // namespace tarn::tools
