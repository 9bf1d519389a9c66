// SPDX-License-Identifier: Apache-2.0
// The LIST of an option: comma-separated names. Program tarn.
#include "common/list.hpp"

#include <algorithm>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

std::string joined(std::span<const std::string> names) {
  std::string all;
  for (const std::string& name : names) {
    if (!all.empty()) all += ", ";
    all += name;
  }
  return all;
}

bool contains(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> parse_list(std::string_view option, std::string_view list,
                                    std::span<const std::string> allowed) {
  std::vector<std::string> names;
  for (std::string_view rest = list;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    if (!contains(allowed, name)) {
      throw UsageError(concat(option, ": '", name, "' is not one of ", joined(allowed)));
    }
    if (contains(names, name)) throw UsageError(concat(option, ": '", name, "' is there twice"));
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace tarn::tools
