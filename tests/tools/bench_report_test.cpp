// SPDX-License-Identifier: Apache-2.0
// What `tarn bench` prints: its ratios, its marks, the JSON that the API promises.
#include "bench/bench_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tarn::tools {
namespace {

using Json = nlohmann::ordered_json;
using Kind = BenchRow::Kind;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

BenchRow row(const std::string& peer, Kind kind, const std::vector<double>& samples) {
  BenchRow row;
  row.case_name = "pair/touched";
  row.peer = peer;
  row.kind = kind;
  row.size = 16384;
  set_figures(row, samples);
  return row;
}

std::vector<BenchRow> rows() {
  std::vector<BenchRow> rows = {
      row("tarn", Kind::tarn, {10, 9, 11}), row("floor", Kind::floor, {2, 2, 2}),
      row("malloc", Kind::peer, {40, 30, 50}), row("tcmalloc", Kind::peer, {8, 8, 9}),
      row("exchange", Kind::beside, {1, 1, 1})};
  set_bench_ratios(rows);
  return rows;
}

TEST(BenchReport, FiguresAreMinimumMedianAndSpread) {
  const BenchRow some = row("tarn", Kind::tarn, {14, 10, 12, 11, 13});
  EXPECT_EQ(some.ns_min, 10);
  EXPECT_EQ(some.ns_median, 12);
  EXPECT_DOUBLE_EQ(some.spread.value_or(0), (13.0 - 11.0) / 12);
  EXPECT_FALSE(row("tarn", Kind::tarn, {}).ns_median.has_value());
}

TEST(BenchReport, RatiosAreOfTheMediansToTheFloorAndTheBestPeer) {
  const std::vector<BenchRow> all = rows();
  EXPECT_EQ(all[0].ratio_to_floor, 5);
  EXPECT_EQ(all[0].ratio_to_best_peer, 1.25);
  EXPECT_EQ(all[1].ratio_to_best_peer, 0.25);
  EXPECT_EQ(all[2].ratio_to_best_peer, 5);
  EXPECT_EQ(all[3].ratio_to_best_peer, 1);
  EXPECT_EQ(all[4].ratio_to_floor, 0.5) << "beside: has ratios, but is no peer";
}

TEST(BenchReport, WithoutFloorOrPeersThereIsNoRatio) {
  std::vector<BenchRow> alone = {row("tarn", Kind::tarn, {10}), row("malloc", Kind::peer, {})};
  set_bench_ratios(alone);
  EXPECT_FALSE(alone[0].ratio_to_floor.has_value());
  EXPECT_FALSE(alone[0].ratio_to_best_peer.has_value());
}

TEST(BenchReport, WhatVariesTooMuchIsMarked) {
  EXPECT_FALSE(row("tarn", Kind::tarn, {100, 101, 102, 103, 200}).is_unsteady());
  EXPECT_TRUE(row("tarn", Kind::tarn, {60, 80, 100, 120, 140}).is_unsteady());
  const std::string text =
      bench_text({{"title", {row("tarn", Kind::tarn, {60, 80, 100, 120, 140})}}}, {});
  EXPECT_THAT(text, HasSubstr("~100.0 (60.00)"));
  EXPECT_THAT(text, HasSubstr(kUnsteadyRule));
}

TEST(BenchReport, JsonHasTheFieldsOfTheApiFirst) {
  const Json all = Json::parse(bench_json({{"title", rows()}}, {{"compiler", "gcc"}}));
  EXPECT_TRUE(all["tarn"].is_string());
  EXPECT_EQ(all["run"]["compiler"], "gcc");
  EXPECT_EQ(all["run"]["unsteady"], kUnsteadyRule);
  ASSERT_EQ(all["results"].size(), 5U);
  const Json& tarn = all["results"][0];
  std::vector<std::string> keys;
  for (const auto& item : tarn.items()) keys.push_back(item.key());
  keys.resize(7);
  EXPECT_THAT(keys, ElementsAre("case", "peer", "size", "ns_min", "ns_median", "ratio_to_floor",
                                "ratio_to_best_peer"));
  EXPECT_EQ(tarn["case"], "pair/touched");
  EXPECT_EQ(tarn["size"], 16384);
  EXPECT_EQ(tarn["ns_median"], 10);
  EXPECT_EQ(tarn["unsteady"], false);
}

TEST(BenchReport, JsonHasNullForWhatHasNoMeaning) {
  BenchRow none = row("malloc", Kind::peer, {});
  none.size.reset();
  const Json result = Json::parse(bench_json({{"title", {none}}}, {}))["results"][0];
  for (const char* key : {"size", "ns_min", "ns_median", "ratio_to_floor", "ratio_to_best_peer"}) {
    EXPECT_TRUE(result[key].is_null()) << key;
  }
}

TEST(BenchReport, TextHasALineForEachSizeAndASummaryOfTarn) {
  const std::string text = bench_text({{"title", rows()}}, {});
  EXPECT_THAT(text, HasSubstr("16,384  10.00 (9.00)  2.00 (2.00)  ~40.00 (30.00)  8.00 (8.00)"));
  EXPECT_THAT(text, HasSubstr("pair/touched  16,384      9.00   10.00  tcmalloc     8.00"));
}

TEST(BenchReport, TextEndsWithWhatTheRunWasMadeWith) {
  const std::string text = bench_text({{"title", rows()}}, {{"build", "none"}, {"rounds", "5"}});
  EXPECT_THAT(text, EndsWith("build   none\nrounds  5\n"));
}

}  // namespace
}  // namespace tarn::tools
