// SPDX-License-Identifier: Apache-2.0
// Bitmaps of free runs. Layer: pool.
#include "pool/run_set.hpp"

#include "tarn/detail/base/check.hpp"

namespace tarn::pool {
RunSet::RunSet(std::uint64_t* storage, std::size_t page_count, std::size_t class_count) noexcept
    : storage_(storage),
      page_count_(static_cast<std::uint32_t>(page_count)),
      class_count_(static_cast<std::uint32_t>(class_count)),
      words_(static_cast<std::uint32_t>(words_for(page_count))),
      summary_words_(static_cast<std::uint32_t>(words_for(words_))) {
  TARN_CHECK(page_count > 0 && class_count > 0 && class_count <= kMaxClasses);
}

bool RunSet::contains(std::size_t page_class, std::uint32_t page) const noexcept {
  if (page_class >= class_count_ || page >= page_count_) return false;
  return (bitmap(page_class)[page / kWordBits] & bit(page)) != 0;
}

std::size_t RunSet::count() const noexcept {
  std::size_t runs = 0;
  for (std::size_t c = 0; c < class_count_; ++c) {
    for (std::size_t w = 0; w < words_; ++w) {
      runs += static_cast<std::size_t>(std::popcount(bitmap(c)[w]));
    }
  }
  return runs;
}

void RunSet::audit() const noexcept {
  for (std::size_t c = 0; c < class_count_; ++c) {
    bool any = false;
    for (std::size_t w = 0; w < words_; ++w) {
      const bool used = bitmap(c)[w] != 0;
      TARN_CHECK(used == ((summary(c)[w / kWordBits] & bit(w)) != 0));
      any = any || used;
    }
    TARN_CHECK(any == ((occupied_ & bit(c)) != 0));
    TARN_CHECK(page_count_ % kWordBits == 0 ||
               bitmap(c)[words_ - 1] >> (page_count_ % kWordBits) == 0);
  }
  TARN_CHECK(class_count_ == kMaxClasses || occupied_ >> class_count_ == 0);
}

}  // namespace tarn::pool
