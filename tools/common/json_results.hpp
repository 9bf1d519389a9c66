// SPDX-License-Identifier: Apache-2.0
// The JSON that every command prints: one object with the version and a list of results. Program
// tarn.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tarn/version.hpp>
#include <utility>

namespace tarn::tools {

/// Fields stay in the order in which they were set.
using Json = nlohmann::ordered_json;

/// A number, or null when there is none.
template <class T>
[[nodiscard]] Json json_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// The whole output, ended by a newline; `more`, an object, comes behind the results.
[[nodiscard]] inline std::string json_results(Json results, const Json& more = Json::object()) {
  Json all;
  all["tarn"] = TARN_VERSION_STRING;
  all["results"] = std::move(results);
  all.update(more);
  // Names of files may be no UTF-8: such bytes are replaced, not refused.
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tarn::tools
