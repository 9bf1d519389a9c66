// SPDX-License-Identifier: Apache-2.0
// `tarn sizes`: the table of size classes. Program tarn.
#include "sizes/sizes_command.hpp"

#include <stdexcept>
#include <string>
#include <tarn/size_class_info.hpp>
#include <vector>

#include "common/exit_status.hpp"
#include "common/json_results.hpp"
#include "common/output.hpp"
#include "common/table.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

std::string category_name(SizeCategory category) {
  switch (category) {
    case SizeCategory::tiny:
      return "tiny";
    case SizeCategory::small:
      return "small";
    case SizeCategory::normal:
      return "normal";
    case SizeCategory::huge:
      return "huge";
  }
  return "unknown";
}

/// The largest share of a region that rounding up can leave unused.
double rounding_waste(const SizeClassInfo& info) {
  return static_cast<double>(info.size - info.smallest) / static_cast<double>(info.size);
}

std::string sizes_json(const std::vector<SizeClassInfo>& infos) {
  Json results = Json::array();
  for (std::size_t index = 0; index < infos.size(); ++index) {
    const SizeClassInfo& info = infos[index];
    Json result;
    result["index"] = index;
    result["size"] = info.size;
    result["category"] = category_name(info.category);
    result["run_pages"] = info.run_pages;
    result["elements"] = info.elements;
    result["run_waste_bytes"] = info.unused_bytes;
    result["rounding_waste_share"] = rounding_waste(info);
    results.push_back(std::move(result));
  }
  return json_results(std::move(results));
}

std::string sizes_table(const std::vector<SizeClassInfo>& infos) {
  using Align = Table::Align;
  Table table({{"class", Align::right},
               {"size", Align::right},
               {"category", Align::left},
               {"run pages", Align::right},
               {"elements", Align::right},
               {"run waste", Align::right},
               {"rounding waste at most", Align::right}});
  for (std::size_t index = 0; index < infos.size(); ++index) {
    const SizeClassInfo& info = infos[index];
    table.add_row({std::to_string(index), grouped(info.size), category_name(info.category),
                   std::to_string(info.run_pages), std::to_string(info.elements),
                   grouped(info.unused_bytes), fixed(100 * rounding_waste(info), 1) + "%"});
  }
  return table.to_string();
}

}  // namespace

int run_sizes(const SizesOptions& options) {
  std::vector<SizeClassInfo> infos;
  try {
    infos = size_class_infos(options.page_size, options.max_order);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  write_output(options.json ? sizes_json(infos) : sizes_table(infos));
  return kExitDone;
}

}  // namespace tarn::tools
