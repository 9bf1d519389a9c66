// SPDX-License-Identifier: Apache-2.0
// The results of `tarn replay`, as a table and as JSON. Program tarn.
#include "replay/replay_report.hpp"

#include <algorithm>

#include "common/json_results.hpp"
#include "common/peers.hpp"
#include "common/table.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr const char* kNothing = "-";

std::string number_cell(const std::optional<double>& value, int digits) {
  return value ? fixed(*value, digits) : kNothing;
}

std::string pair_cell(const std::optional<double>& ns_per_event) {
  return ns_per_event ? fixed(2 * *ns_per_event, 1) : kNothing;
}

std::string bytes_cell(const std::optional<std::uint64_t>& bytes) {
  return bytes ? bytes_text(*bytes) : kNothing;
}

std::string share_of_live_cell(const ReplayRow& row) {
  if (!row.peak_resident_bytes || row.peak_live_bytes.value_or(0) == 0) return kNothing;
  return fixed(
      static_cast<double>(*row.peak_resident_bytes) / static_cast<double>(*row.peak_live_bytes), 2);
}

}  // namespace

void set_ratios(std::vector<ReplayRow>& rows) {
  const auto base = std::find_if(rows.begin(), rows.end(),
                                 [](const ReplayRow& row) { return row.allocator == kMalloc; });
  if (base == rows.end() || base->ns_per_event_median.value_or(0) <= 0) return;
  const double median = *base->ns_per_event_median;
  for (ReplayRow& row : rows) {
    if (row.ns_per_event_median) row.ratio_to_malloc = *row.ns_per_event_median / median;
  }
}

std::string replay_json(const std::vector<ReplayRow>& rows) {
  Json results = Json::array();
  for (const ReplayRow& row : rows) {
    Json result;
    result["trace"] = row.trace;
    result["allocator"] = row.allocator;
    result["mode"] = row.mode;
    result["kind"] = row.kind;
    result["threads"] = row.threads;
    result["events"] = row.events;
    result["ns_per_event_min"] = json_or_null(row.ns_per_event_min);
    result["ns_per_event_median"] = json_or_null(row.ns_per_event_median);
    result["ratio_to_malloc"] = json_or_null(row.ratio_to_malloc);
    result["cache_hit_share"] = json_or_null(row.cache_hit_share);
    result["peak_live_bytes"] = json_or_null(row.peak_live_bytes);
    result["peak_resident_bytes"] = json_or_null(row.peak_resident_bytes);
    result["resident_after_trim_bytes"] = json_or_null(row.resident_after_trim_bytes);
    result["stamp_errors"] = json_or_null(row.stamp_errors);
    results.push_back(std::move(result));
  }
  return json_results(std::move(results));
}

std::string replay_table(const std::vector<ReplayRow>& rows) {
  using Align = Table::Align;
  Table table({{"trace", Align::left},
               {"allocator", Align::left},
               {"events", Align::right},
               {"ns/pair min", Align::right},
               {"median", Align::right},
               {"ratio", Align::right},
               {"cache hits", Align::right},
               {"peak live", Align::right},
               {"peak resident", Align::right},
               {"x live", Align::right},
               {"after trim", Align::right},
               {"stamp errors", Align::right}});
  for (const ReplayRow& row : rows) {
    table.add_row({row.trace, row.allocator, grouped(row.events), pair_cell(row.ns_per_event_min),
                   pair_cell(row.ns_per_event_median), number_cell(row.ratio_to_malloc, 3),
                   row.cache_hit_share ? fixed(100 * *row.cache_hit_share, 2) + "%" : kNothing,
                   bytes_cell(row.peak_live_bytes), bytes_cell(row.peak_resident_bytes),
                   share_of_live_cell(row), bytes_cell(row.resident_after_trim_bytes),
                   row.stamp_errors ? grouped(*row.stamp_errors) : kNothing});
  }
  return table.to_string();
}

}  // namespace tarn::tools
