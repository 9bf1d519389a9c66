// SPDX-License-Identifier: Apache-2.0
// The reference count's slow half. Layer: buffer.
#include "tarn/detail/buffer/ref_count.hpp"

#include <stdexcept>
#include <string>

#include "tarn/detail/base/check.hpp"

namespace tarn::detail {

void share_failed(pool::Region* region, std::uint32_t before) {
  if (before == 0) base::fatal("shared a buffer that was released", region->data);
  // Relaxed: takes back the increment that nobody has acted on.
  region->refs.fetch_sub_relaxed(1);
  throw std::length_error("more than " + std::to_string(kMaxSharers) + " sharers of a buffer");
}

void unshare_slow(pool::Region* region) noexcept {
  // [sync: last-share] Release: this sharer's reads and writes come before whatever the last one
  // does with the memory. Acquire: if we are that one, the others' come before.
  const std::uint32_t before = region->refs.fetch_sub_acq_rel(1);
  if (before > 1) return;
  if (before == 0) base::fatal("released a buffer twice", region->data);
  pool::release_region(region);
}

}  // namespace tarn::detail
