// SPDX-License-Identifier: Apache-2.0
// What buffers throw, and the cold functions that throw it. Layer: buffer.
#pragma once

#include <cstddef>
#include <stdexcept>

namespace tarn {

/// Thrown by every operation that would write to, or resize, a read-only buffer.
class ReadOnlyError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {

/// Throws std::out_of_range: "<what> <index> + length <length> exceeds <bound_name> <bound>".
[[noreturn, gnu::cold]] void throw_out_of_range(const char* what, std::size_t index,
                                                std::size_t length, const char* bound_name,
                                                std::size_t bound);

/// Throws std::out_of_range: "<what> <index>, expected <low> .. <high>".
[[noreturn, gnu::cold]] void throw_outside(const char* what, std::size_t index, std::size_t low,
                                           std::size_t high);

/// Throws std::invalid_argument: "<what> <value> exceeds <bound_name> <bound>".
[[noreturn, gnu::cold]] void throw_too_large(const char* what, std::size_t value,
                                             const char* bound_name, std::size_t bound);

/// Throws std::runtime_error: "malformed varint at index <index>: <why>".
[[noreturn, gnu::cold]] void throw_malformed_varint(std::size_t index, const char* why);

[[noreturn, gnu::cold]] void throw_read_only();

}  // namespace detail
}  // namespace tarn
