// SPDX-License-Identifier: Apache-2.0
// What `tarn replay` prints: the JSON has the fields that the API promises, the table says the
// same.
#include "replay/replay_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tarn::tools {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;

ReplayRow row(const std::string& allocator, double median) {
  ReplayRow row;
  row.trace = "nginx";
  row.allocator = allocator;
  row.mode = "memory";
  row.kind = "heap";
  row.threads = "one";
  row.events = 612912;
  row.ns_per_event_min = median / 2;
  row.ns_per_event_median = median;
  row.peak_live_bytes = 1000;
  row.peak_resident_bytes = 1300;
  row.resident_after_trim_bytes = 0;
  row.stamp_errors = 0;
  return row;
}

TEST(ReplayReport, JsonHasTheFieldsOfTheApi) {
  const Json all = Json::parse(replay_json({row("tarn", 10)}));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all["tarn"].is_string());
  ASSERT_EQ(all["results"].size(), 1U);
  std::vector<std::string> keys;
  for (const auto& item : all["results"][0].items()) keys.push_back(item.key());
  EXPECT_THAT(keys, ElementsAre("trace", "allocator", "mode", "kind", "threads", "events",
                                "ns_per_event_min", "ns_per_event_median", "ratio_to_malloc",
                                "cache_hit_share", "peak_live_bytes", "peak_resident_bytes",
                                "resident_after_trim_bytes", "stamp_errors"));
  EXPECT_EQ(all["results"][0]["events"], 612912);
  EXPECT_TRUE(all["results"][0]["cache_hit_share"].is_null());
  EXPECT_TRUE(all["results"][0]["ratio_to_malloc"].is_null());
}

TEST(ReplayReport, RatiosAreOfTheMediansToMalloc) {
  std::vector<ReplayRow> rows = {row("tarn", 10), row("malloc", 40), row("broken", 1)};
  rows[2].ns_per_event_median.reset();
  set_ratios(rows);
  EXPECT_EQ(rows[0].ratio_to_malloc, 0.25);
  EXPECT_EQ(rows[1].ratio_to_malloc, 1.0);
  EXPECT_FALSE(rows[2].ratio_to_malloc.has_value());
}

TEST(ReplayReport, WithoutMallocThereIsNoRatio) {
  std::vector<ReplayRow> rows = {row("tarn", 10), row("jemalloc", 40)};
  set_ratios(rows);
  EXPECT_FALSE(rows[0].ratio_to_malloc.has_value());
}

TEST(ReplayReport, TableShowsPairsAndWhatIsUnknown) {
  const std::string table = replay_table({row("tarn", 10)});
  EXPECT_THAT(table, HasSubstr("612,912"));
  EXPECT_THAT(table, HasSubstr("10.0    20.0      -"));  // two events a pair; no ratio
  EXPECT_THAT(table, HasSubstr("1.30"));                 // peak resident / peak live
}

TEST(ReplayReport, AFileNameThatIsNoUtf8IsPrintedAllTheSame) {
  ReplayRow odd = row("tarn", 10);
  odd.trace = "a\xff";
  EXPECT_TRUE(Json::accept(replay_json({odd})));
}

}  // namespace
}  // namespace tarn::tools
