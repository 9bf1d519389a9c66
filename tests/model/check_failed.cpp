// SPDX-License-Identifier: Apache-2.0
// The end of a model whose code fails a check of its own: models are not linked with tarn, whose
// objects stand on std::atomic.
#include <cstdio>
#include <cstdlib>

#include "tarn/detail/base/check.hpp"

namespace tarn::base {

void check_failed(const char* text, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  std::abort();
}

}  // namespace tarn::base
