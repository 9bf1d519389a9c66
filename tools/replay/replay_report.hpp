// SPDX-License-Identifier: Apache-2.0
// The results of `tarn replay`, as a table and as JSON. Program tarn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tarn::tools {

/// One trace replayed with one allocator, all rounds. What was not or can't be known is empty.
struct ReplayRow {
  std::string trace;
  std::string allocator;
  std::string mode;
  std::string kind;
  std::string threads;
  std::uint64_t events = 0;
  std::vector<double> ns_per_event;  // of each round
  std::optional<double> ns_per_event_min;
  std::optional<double> ns_per_event_median;
  std::optional<double> ratio_to_malloc;
  std::optional<double> cache_hit_share;
  std::optional<std::uint64_t> peak_live_bytes;
  std::optional<std::uint64_t> peak_resident_bytes;
  std::optional<std::uint64_t> resident_after_trim_bytes;
  std::optional<std::uint64_t> stamp_errors;
};

/// Sets the ratios of the rows of one trace to that of malloc among them, if it is there.
void set_ratios(std::vector<ReplayRow>& rows);

/// One JSON object, ended by a newline.
[[nodiscard]] std::string replay_json(const std::vector<ReplayRow>& rows);

/// A table, ended by a newline. Times are those of a pair, two events.
[[nodiscard]] std::string replay_table(const std::vector<ReplayRow>& rows);

}  // namespace tarn::tools
