// SPDX-License-Identifier: Apache-2.0
// Settings from the environment, brought into their ranges, and in words. Layer: recycler.
#include "tarn/detail/recycler/options.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "tarn/detail/base/environment.hpp"

namespace tarn {
namespace {

constexpr std::int64_t kAnyMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kAnyMax = std::numeric_limits<std::int64_t>::max();

/// A size whose negative values mean `if_negative`; `otherwise` when unset or unreadable.
[[nodiscard]] std::size_t env_size(const char* name, std::size_t if_negative,
                                   std::size_t otherwise) {
  const std::optional<std::int64_t> value =
      base::env_int(name, kAnyMin, kAnyMax, std::to_string(otherwise));
  if (!value) return otherwise;
  return *value < 0 ? if_negative : static_cast<std::size_t>(*value);
}

[[nodiscard]] std::size_t env_capacity(std::size_t fallback) {
  const std::size_t otherwise = env_size("TARN_RECYCLER_MAX_CAPACITY", fallback, fallback);
  return env_size("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD", fallback, otherwise);
}

[[nodiscard]] std::uint32_t env_ratio(std::uint32_t fallback) {
  const std::optional<std::int64_t> value =
      base::env_int("TARN_RECYCLER_RATIO", kAnyMin, std::numeric_limits<std::uint32_t>::max(),
                    std::to_string(fallback));
  return value ? static_cast<std::uint32_t>(std::max<std::int64_t>(*value, 0)) : fallback;
}

[[nodiscard]] bool env_flag(const char* name, bool fallback) {
  return base::env_bool(name, fallback ? "true" : "false").value_or(fallback);
}

[[nodiscard]] std::string_view name_of(Guard guard) noexcept {
  return guard == Guard::checked ? "checked" : "unchecked";
}

[[nodiscard]] std::string_view name_of(RecyclerForm form) noexcept {
  switch (form) {
    case RecyclerForm::per_thread:
      return "per_thread";
    case RecyclerForm::pinned:
      return "pinned";
    case RecyclerForm::shared:
      break;
  }
  return "shared";
}

}  // namespace

RecyclerOptions RecyclerOptions::from_environment() {
  constexpr std::size_t kLeastChunk = 2;
  RecyclerOptions options;
  options.max_capacity_per_thread = env_capacity(options.max_capacity_per_thread);
  options.ratio = env_ratio(options.ratio);
  options.chunk_size = env_size("TARN_RECYCLER_CHUNK_SIZE", kLeastChunk, options.chunk_size);
  options.blocking = env_flag("TARN_RECYCLER_BLOCKING", options.blocking);
  options.batch_fast_threads_only =
      env_flag("TARN_RECYCLER_BATCH_FAST_THREADS_ONLY", options.batch_fast_threads_only);
  return options;
}

namespace recycler {

RecyclerOptions in_force(RecyclerOptions wanted) noexcept {
  constexpr std::size_t kLeastCapacity = 4;
  constexpr std::size_t kLeastChunk = 2;
  std::size_t& capacity = wanted.max_capacity_per_thread;
  if (capacity != 0) capacity = std::max(capacity, kLeastCapacity);
  wanted.chunk_size = std::max(kLeastChunk, std::min(wanted.chunk_size, capacity / 2));
  return wanted;
}

std::string describe(const RecyclerOptions& options) {
  const bool disabled = options.max_capacity_per_thread == 0;
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!text.empty()) text.append(" ");
    text.append(name).append("=").append(disabled ? "disabled" : value);
  };
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  add("max_capacity_per_thread", std::to_string(options.max_capacity_per_thread));
  add("ratio", std::to_string(options.ratio));
  add("chunk_size", std::to_string(options.chunk_size));
  add("blocking", flag(options.blocking));
  add("batch_fast_threads_only", flag(options.batch_fast_threads_only));
  add("guard", name_of(options.guard));
  add("form", name_of(options.form));
  return text;
}

}  // namespace recycler
}  // namespace tarn
