// SPDX-License-Identifier: Apache-2.0
// libFuzzer's way into the reader of traces; built with clang. Tests of the program.
#include <cstddef>
#include <cstdint>
#include <span>

#include "any_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)tarn::tools::try_any_input(std::span(data, size));
  return 0;
}
