// SPDX-License-Identifier: Apache-2.0
// The results of `tarn bench`, as tables and as JSON. Program tarn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn::tools {

/// A row whose middle half of samples spreads over more than this share of the median is marked.
inline constexpr double kUnsteadySpread = 0.2;
inline constexpr const char* kUnsteadyRule =
    "the middle half of the samples spreads over more than 20 % of the median";

/// One contestant's figures in one case and size. What was not or can't be known is empty.
struct BenchRow {
  enum class Kind : std::uint8_t { tarn, floor, peer, beside };

  std::string case_name;
  std::string peer;
  Kind kind = Kind::peer;
  std::optional<std::uint64_t> size;
  std::optional<double> ns_min;
  std::optional<double> ns_median;
  std::optional<double> ratio_to_floor;
  std::optional<double> ratio_to_best_peer;
  std::optional<double> spread;  // of the middle half of the samples, as a share of the median
  std::optional<std::uint64_t> objects_created;
  std::optional<std::uint64_t> peak_resident_bytes;
  std::optional<double> peak_resident_ratio;  // to the peer's that needs least
  std::optional<std::uint64_t> resident_after_trim_bytes;

  [[nodiscard]] bool is_unsteady() const noexcept { return spread.value_or(0) > kUnsteadySpread; }
};

/// Rows that are compared with each other, size by size.
struct BenchTable {
  std::string title;
  std::vector<BenchRow> rows;
};

/// Sets minimum, median and spread from samples; without any, nothing.
void set_figures(BenchRow& row, const std::vector<double>& samples);

/// Sets the ratios of rows of one case and size: to the floor among them, to the fastest peer, and
/// of resident memory to the peer that needs least.
void set_bench_ratios(std::vector<BenchRow>& rows);

/// What a run was made with, by name: for people who read its results later.
using BenchSetting = std::pair<std::string, std::string>;

/// One JSON object, ended by a newline.
[[nodiscard]] std::string bench_json(const std::vector<BenchTable>& tables,
                                     const std::vector<BenchSetting>& settings);

/// A table for each of `tables`, then one of tarn alone and one of the settings.
[[nodiscard]] std::string bench_text(const std::vector<BenchTable>& tables,
                                     const std::vector<BenchSetting>& settings);

}  // namespace tarn::tools
