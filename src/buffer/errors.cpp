// SPDX-License-Identifier: Apache-2.0
// The cold functions that throw what buffers throw. Layer: buffer.
#include "tarn/detail/buffer/errors.hpp"

#include <stdexcept>
#include <string>

namespace tarn::detail {

void throw_out_of_range(const char* what, std::size_t index, std::size_t length,
                        const char* bound_name, std::size_t bound) {
  throw std::out_of_range(std::string(what) + ' ' + std::to_string(index) + " + length " +
                          std::to_string(length) + " exceeds " + bound_name + ' ' +
                          std::to_string(bound));
}

void throw_outside(const char* what, std::size_t index, std::size_t low, std::size_t high) {
  throw std::out_of_range(std::string(what) + ' ' + std::to_string(index) + ", expected " +
                          std::to_string(low) + " .. " + std::to_string(high));
}

void throw_too_large(const char* what, std::size_t value, const char* bound_name,
                     std::size_t bound) {
  throw std::invalid_argument(std::string(what) + ' ' + std::to_string(value) + " exceeds " +
                              bound_name + ' ' + std::to_string(bound));
}

void throw_malformed_varint(std::size_t index, const char* why) {
  throw std::runtime_error("malformed varint at index " + std::to_string(index) + ": " + why);
}

void throw_read_only() { throw ReadOnlyError("the buffer is read-only"); }

}  // namespace tarn::detail
