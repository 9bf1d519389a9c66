// SPDX-License-Identifier: Apache-2.0
// Settings from environment variables. Layer base.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn::base {

// Blanks around a value are ignored, and an empty value counts as unset. A value that cannot be
// read, or is out of range, counts as unset too, after one warning a process and variable that
// names it, its value and `used_instead`, which says in words or digits what applies now.
//
// Thread safety: any thread, as long as none changes the environment meanwhile (getenv).

/// The variable `name` as a decimal number within [min, max]; "-5" and "+5" are numbers, "8k" and
/// "0x10" are not.
[[nodiscard]] std::optional<std::int64_t> env_int(const char* name, std::int64_t min,
                                                  std::int64_t max, std::string_view used_instead);

/// The variable `name` as true, yes, 1 or false, no, 0, in any case.
[[nodiscard]] std::optional<bool> env_bool(const char* name, std::string_view used_instead);

/// Warns, once a process and variable, that `name`'s value has `problem`, as the two above do: for
/// rules that no range can tell.
void env_refuse(const char* name, std::string_view problem, std::string_view used_instead);

}  // namespace tarn::base
