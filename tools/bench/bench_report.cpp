// SPDX-License-Identifier: Apache-2.0
// The results of `tarn bench`, as tables and as JSON. Program tarn.
#include "bench/bench_report.hpp"

#include <algorithm>
#include <limits>

#include "common/json_results.hpp"
#include "common/statistics.hpp"
#include "common/table.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr const char* kNothing = "-";

using Kind = BenchRow::Kind;

/// Three or four digits that mean something.
std::string ns_text(double ns) { return fixed(ns, ns < 100 ? 2 : ns < 10000 ? 1 : 0); }

std::string ratio_text(const std::optional<double>& ratio) {
  return ratio ? fixed(*ratio, 2) : kNothing;
}

std::string ns_cell(const BenchRow* row) {
  if (row == nullptr || !row->ns_median) return kNothing;
  return concat(row->is_unsteady() ? "~" : "", ns_text(*row->ns_median), " (",
                ns_text(*row->ns_min), ")");
}

std::string resident_cell(const BenchRow* row) {
  if (row == nullptr || !row->peak_resident_bytes) return kNothing;
  return bytes_text(*row->peak_resident_bytes);
}

std::string size_text(const std::optional<std::uint64_t>& size) {
  return size ? grouped(*size) : kNothing;
}

/// A line of a table: the rows of one case and size.
struct Line {
  std::string case_name;
  std::optional<std::uint64_t> size;
  std::vector<const BenchRow*> rows;

  [[nodiscard]] const BenchRow* find(std::string_view peer) const {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const BenchRow* row) { return row->peer == peer; });
    return found == rows.end() ? nullptr : *found;
  }
  [[nodiscard]] const BenchRow* tarn() const {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [](const BenchRow* row) { return row->kind == Kind::tarn; });
    return found == rows.end() ? nullptr : *found;
  }
  [[nodiscard]] const BenchRow* best_peer() const {
    const BenchRow* best = nullptr;
    for (const BenchRow* row : rows) {
      if (row->kind != Kind::peer || !row->ns_median) continue;
      if (best == nullptr || *row->ns_median < *best->ns_median) best = row;
    }
    return best;
  }
};

std::vector<Line> lines_of(const BenchTable& table) {
  std::vector<Line> lines;
  for (const BenchRow& row : table.rows) {
    if (lines.empty() || lines.back().case_name != row.case_name || lines.back().size != row.size) {
      lines.push_back({row.case_name, row.size, {}});
    }
    lines.back().rows.push_back(&row);
  }
  return lines;
}

/// Figures of one kind: a line for each size or case, a column for each contestant, tarn's ratios.
template <class CellOf, class RatiosOf>
std::string grid_text(const BenchTable& table, const std::vector<std::string>& ratio_titles,
                      CellOf cell_of, RatiosOf ratios_of) {
  std::vector<std::string> peers;
  for (const BenchRow& row : table.rows) {
    if (std::find(peers.begin(), peers.end(), row.peer) == peers.end()) peers.push_back(row.peer);
  }
  const std::vector<Line> lines = lines_of(table);
  const bool one_case = lines.front().case_name == lines.back().case_name;
  std::vector<Table::Column> columns = {
      {one_case ? "size" : "case", one_case ? Table::Align::right : Table::Align::left}};
  for (const std::string& peer : peers) columns.push_back({peer});
  for (const std::string& title : ratio_titles) columns.push_back({title});
  Table cells(std::move(columns));
  for (const Line& line : lines) {
    std::vector<std::string> row = {one_case ? size_text(line.size) : line.case_name};
    for (const std::string& peer : peers) row.push_back(cell_of(line.find(peer)));
    const BenchRow* const tarn = line.tarn();
    for (const std::optional<double>& ratio : ratios_of(tarn == nullptr ? BenchRow() : *tarn)) {
      row.push_back(ratio_text(ratio));
    }
    cells.add_row(std::move(row));
  }
  return cells.to_string() + "\n";
}

std::string table_text(const BenchTable& table) {
  using Ratios = std::vector<std::optional<double>>;
  if (table.rows.empty()) return {};
  std::string text =
      concat(table.title, "\n",
             grid_text(table, {"x best peer", "x floor"}, ns_cell, [](const BenchRow& tarn) {
               return Ratios{tarn.ratio_to_best_peer, tarn.ratio_to_floor};
             }));
  if (std::none_of(table.rows.begin(), table.rows.end(),
                   [](const BenchRow& row) { return row.peak_resident_bytes.has_value(); })) {
    return text;
  }
  return concat(text, table.title, ": peak resident memory\n",
                grid_text(table, {"x best peer"}, resident_cell,
                          [](const BenchRow& tarn) { return Ratios{tarn.peak_resident_ratio}; }));
}

std::string summary_text(const std::vector<BenchTable>& tables) {
  using Align = Table::Align;
  Table summary({{"case", Align::left},
                 {"size"},
                 {"tarn min"},
                 {"median"},
                 {"best peer", Align::left},
                 {"median"},
                 {"x best peer"},
                 {"x floor"}});
  for (const BenchTable& table : tables) {
    for (const Line& line : lines_of(table)) {
      const BenchRow* const tarn = line.tarn();
      if (tarn == nullptr || (!tarn->ns_median && !tarn->ratio_to_best_peer)) continue;
      const BenchRow* const best = line.best_peer();
      summary.add_row(
          {line.case_name, size_text(line.size), tarn->ns_min ? ns_text(*tarn->ns_min) : kNothing,
           tarn->ns_median ? concat(tarn->is_unsteady() ? "~" : "", ns_text(*tarn->ns_median))
                           : kNothing,
           best == nullptr ? kNothing : best->peer,
           best == nullptr ? kNothing : ns_text(*best->ns_median),
           ratio_text(tarn->ratio_to_best_peer), ratio_text(tarn->ratio_to_floor)});
    }
  }
  return summary.to_string();
}

}  // namespace

void set_figures(BenchRow& row, const std::vector<double>& samples) {
  if (samples.empty()) return;
  row.ns_min = minimum(samples);
  row.ns_median = median(samples);
  if (*row.ns_median > 0) row.spread = middle_spread(samples);
}

void set_bench_ratios(std::vector<BenchRow>& rows) {
  std::optional<double> floor;
  std::optional<double> best;
  std::optional<std::uint64_t> least_resident;
  for (const BenchRow& row : rows) {
    if (row.kind == Kind::peer && row.peak_resident_bytes.value_or(0) != 0) {
      least_resident = std::min(*row.peak_resident_bytes,
                                least_resident.value_or(std::numeric_limits<std::uint64_t>::max()));
    }
    if (row.ns_median.value_or(0) <= 0) continue;
    if (row.kind == Kind::floor) floor = row.ns_median;
    if (row.kind == Kind::peer) {
      best = std::min(*row.ns_median, best.value_or(std::numeric_limits<double>::infinity()));
    }
  }
  for (BenchRow& row : rows) {
    if (row.peak_resident_bytes && least_resident) {
      row.peak_resident_ratio =
          static_cast<double>(*row.peak_resident_bytes) / static_cast<double>(*least_resident);
    }
    if (!row.ns_median) continue;
    if (floor) row.ratio_to_floor = *row.ns_median / *floor;
    if (best) row.ratio_to_best_peer = *row.ns_median / *best;
  }
}

std::string bench_json(const std::vector<BenchTable>& tables,
                       const std::vector<BenchSetting>& settings) {
  Json results = Json::array();
  for (const BenchTable& table : tables) {
    for (const BenchRow& row : table.rows) {
      Json result;
      result["case"] = row.case_name;
      result["peer"] = row.peer;
      result["size"] = json_or_null(row.size);
      result["ns_min"] = json_or_null(row.ns_min);
      result["ns_median"] = json_or_null(row.ns_median);
      result["ratio_to_floor"] = json_or_null(row.ratio_to_floor);
      result["ratio_to_best_peer"] = json_or_null(row.ratio_to_best_peer);
      result["spread"] = json_or_null(row.spread);
      result["unsteady"] = row.is_unsteady();
      result["objects_created"] = json_or_null(row.objects_created);
      result["peak_resident_bytes"] = json_or_null(row.peak_resident_bytes);
      result["peak_resident_ratio"] = json_or_null(row.peak_resident_ratio);
      result["resident_after_trim_bytes"] = json_or_null(row.resident_after_trim_bytes);
      results.push_back(std::move(result));
    }
  }
  Json run;
  for (const BenchSetting& setting : settings) run[setting.first] = setting.second;
  run["unsteady"] = kUnsteadyRule;
  return json_results(std::move(results), Json{{"run", std::move(run)}});
}

std::string bench_text(const std::vector<BenchTable>& tables,
                       const std::vector<BenchSetting>& settings) {
  std::string text;
  for (const BenchTable& table : tables) text += table_text(table);
  Table run({{"run", Table::Align::left}, {"", Table::Align::left}});
  for (const BenchSetting& setting : settings) run.add_row({setting.first, setting.second});
  return concat(text, "tarn, in nanoseconds an operation\n", summary_text(tables),
                "\n~: ", kUnsteadyRule, ".\n\n", run.to_string());
}

}  // namespace tarn::tools
