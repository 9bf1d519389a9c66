// SPDX-License-Identifier: Apache-2.0
// Bitmaps of free runs. Layer: pool.
#include "pool/run_set.hpp"

#include "tarn/detail/base/check.hpp"

namespace tarn::pool {
namespace {

[[nodiscard]] constexpr std::uint64_t bit(std::size_t index) noexcept {
  return std::uint64_t{1} << (index % 64);
}

/// The lowest set bit of `words[0 .. count)` at or above `from`; `count * 64` when there is none.
[[nodiscard]] std::size_t find_set(const std::uint64_t* words, std::size_t count,
                                   std::size_t from) noexcept {
  std::size_t word = from / 64;
  if (word >= count) return count * 64;
  std::uint64_t candidates = words[word] & ~(bit(from) - 1);
  while (candidates == 0) {
    if (++word == count) return count * 64;
    candidates = words[word];
  }
  return word * 64 + static_cast<std::size_t>(std::countr_zero(candidates));
}

}  // namespace

RunSet::RunSet(std::uint64_t* storage, std::size_t page_count, std::size_t class_count) noexcept
    : storage_(storage),
      page_count_(static_cast<std::uint32_t>(page_count)),
      class_count_(static_cast<std::uint32_t>(class_count)),
      words_(static_cast<std::uint32_t>(words_for(page_count))),
      summary_words_(static_cast<std::uint32_t>(words_for(words_))) {
  TARN_CHECK(page_count > 0 && class_count > 0 && class_count <= kMaxClasses);
}

void RunSet::insert(std::size_t page_class, std::uint32_t page) noexcept {
  TARN_CHECK(page_class < class_count_ && page < page_count_);
  std::uint64_t& word = bitmap(page_class)[page / kWordBits];
  TARN_CHECK((word & bit(page)) == 0);
  word |= bit(page);
  summary(page_class)[page / kWordBits / kWordBits] |= bit(page / kWordBits);
  occupied_ |= bit(page_class);
}

void RunSet::erase(std::size_t page_class, std::uint32_t page) noexcept {
  TARN_CHECK(page_class < class_count_ && page < page_count_);
  std::uint64_t& word = bitmap(page_class)[page / kWordBits];
  TARN_CHECK((word & bit(page)) != 0);
  word &= ~bit(page);
  if (word != 0) return;
  summary(page_class)[page / kWordBits / kWordBits] &= ~bit(page / kWordBits);
  for (std::size_t i = 0; i < summary_words_; ++i) {
    if (summary(page_class)[i] != 0) return;
  }
  occupied_ &= ~bit(page_class);
}

bool RunSet::contains(std::size_t page_class, std::uint32_t page) const noexcept {
  if (page_class >= class_count_ || page >= page_count_) return false;
  return (bitmap(page_class)[page / kWordBits] & bit(page)) != 0;
}

std::uint32_t RunSet::lowest_from(std::size_t page_class, std::uint32_t page) const noexcept {
  TARN_ASSERT(page_class < class_count_);
  if (page >= page_count_) return kNone;
  const std::uint64_t* const words = bitmap(page_class);
  std::size_t word = page / kWordBits;
  std::uint64_t candidates = words[word] & ~(bit(page) - 1);
  if (candidates == 0) {
    word = find_set(summary(page_class), summary_words_, word + 1);
    if (word >= words_) return kNone;
    candidates = words[word];
  }
  return static_cast<std::uint32_t>(word * kWordBits +
                                    static_cast<std::size_t>(std::countr_zero(candidates)));
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
