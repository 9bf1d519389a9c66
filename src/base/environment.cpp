// SPDX-License-Identifier: Apache-2.0
// Settings from environment variables, and the warnings about them. Layer base.
#include "tarn/detail/base/environment.hpp"

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <system_error>

#include "base/text.hpp"
#include "tarn/detail/base/log.hpp"

namespace tarn::base {
namespace {

/// The names that have been warned about. Never destroyed: an allocator may be made by a static
/// destructor.
struct Warned {
  std::mutex mutex;
  std::set<std::string, std::less<>> names;
};

[[nodiscard]] bool is_first_warning(const char* name) {
  static Warned& warned = *new Warned;
  const std::lock_guard lock(warned.mutex);
  return warned.names.emplace(name).second;
}

void warn(const char* name, std::string_view value, std::string_view problem,
          std::string_view used_instead) {
  if (!is_first_warning(name)) return;
  std::string message = name;
  message.append("=\"").append(value).append("\" ").append(problem);
  message.append("; using ").append(used_instead).append(" instead");
  log(LogLevel::warning, message);
}

/// Without its blanks; empty when unset.
[[nodiscard]] std::string_view value_of(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view{} : trimmed(value);
}

}  // namespace

std::optional<std::int64_t> env_int(const char* name, std::int64_t min, std::int64_t max,
                                    std::string_view used_instead) {
  const std::string_view value = value_of(name);
  if (value.empty()) return std::nullopt;
  // from_chars takes a minus but no plus.
  const bool plus = value.size() > 1 && value[0] == '+' && value[1] != '-';
  const char* const end = value.data() + value.size();
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(value.data() + (plus ? 1 : 0), end, number, 10);
  if (stop != end || error == std::errc::invalid_argument) {
    warn(name, value, "is not a decimal number", used_instead);
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range || number < min || number > max) {
    warn(name, value,
         "is out of range (" + std::to_string(min) + " to " + std::to_string(max) + ")",
         used_instead);
    return std::nullopt;
  }
  return number;
}

std::optional<bool> env_bool(const char* name, std::string_view used_instead) {
  const std::string_view value = value_of(name);
  if (value.empty()) return std::nullopt;
  for (const std::string_view word : {"true", "yes", "1"}) {
    if (equals_in_any_case(value, word)) return true;
  }
  for (const std::string_view word : {"false", "no", "0"}) {
    if (equals_in_any_case(value, word)) return false;
  }
  warn(name, value, "is none of true, yes, 1, false, no, 0", used_instead);
  return std::nullopt;
}

void env_refuse(const char* name, std::string_view problem, std::string_view used_instead) {
  warn(name, value_of(name), problem, used_instead);
}

}  // namespace tarn::base
