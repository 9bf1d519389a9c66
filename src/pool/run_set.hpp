// SPDX-License-Identifier: Apache-2.0
// The free runs of a chunk, sorted by page class and offset. Layer: pool.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/base/check.hpp"

namespace tarn::pool {

/// A set of first pages for every page class, as bitmaps with a summary each.
///
///     occupied   | bit c: class c has a run                            one word
///     class c    | summary: bit w: word w is not 0 | words: a bit a page |
///
/// Finding the lowest page of the first class that fits takes at most four summary words and two
/// find-first-set more, for chunks up to 2^14 pages. Netty keeps a binary heap a class
/// instead (docs/adr/0030-free-runs-in-bitmaps.md).
///
/// Thread safety: none; its chunk's lock.
class RunSet {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::size_t kMaxClasses = 64;  // bits of `occupied_`; 2^14 pages make 52

  /// Bytes of storage for the bitmaps.
  [[nodiscard]] static constexpr std::size_t footprint(std::size_t page_count,
                                                       std::size_t class_count) noexcept {
    const std::size_t words = words_for(page_count);
    return class_count * (words + words_for(words)) * sizeof(std::uint64_t);
  }

  /// An empty set over `storage`, which has `footprint()` bytes, all of them 0.
  RunSet(std::uint64_t* storage, std::size_t page_count, std::size_t class_count) noexcept;
  RunSet(const RunSet&) = delete;
  RunSet& operator=(const RunSet&) = delete;

  /// @pre not in the set, both in range; checked.
  void insert(std::size_t page_class, std::uint32_t page) noexcept;
  /// @pre in the set; checked.
  void erase(std::size_t page_class, std::uint32_t page) noexcept;

  [[nodiscard]] bool contains(std::size_t page_class, std::uint32_t page) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return occupied_ == 0; }

  /// The first class from `page_class` on that has a run; kMaxClasses when none has.
  [[nodiscard]] std::size_t first_class(std::size_t page_class) const noexcept {
    if (page_class >= kMaxClasses) return kMaxClasses;
    return static_cast<std::size_t>(std::countr_zero(occupied_ >> page_class << page_class));
  }

  /// The lowest page in a class; kNone when it is empty.
  [[nodiscard]] std::uint32_t lowest(std::size_t page_class) const noexcept {
    return lowest_from(page_class, 0);
  }
  /// The lowest page in a class that is at least `page`; kNone when there is none.
  [[nodiscard]] std::uint32_t lowest_from(std::size_t page_class,
                                          std::uint32_t page) const noexcept {
    return lowest_among(page_class, page, [](std::size_t) { return ~std::uint64_t{0}; });
  }
  /// The same of the pages that are in another set: `pages_of(w)` has its bits of 64 pages from
  /// page 64 w on.
  template <class PagesOf>
  [[nodiscard]] std::uint32_t lowest_among(std::size_t page_class, std::uint32_t page,
                                           PagesOf&& pages_of) const noexcept;

  /// How many runs there are in all classes. @complexity a walk over every word.
  [[nodiscard]] std::size_t count() const noexcept;

  /// Checks that summaries and words agree. Fatal when they do not.
  void audit() const noexcept;

 private:
  static constexpr std::size_t kWordBits = 64;

  [[nodiscard]] static constexpr std::uint64_t bit(std::size_t index) noexcept {
    return std::uint64_t{1} << (index % kWordBits);
  }
  /// The lowest set bit of `words[0 .. count)` at or above `from`; `count * 64` when there is none.
  [[nodiscard]] static std::size_t find_set(const std::uint64_t* words, std::size_t count,
                                            std::size_t from) noexcept;
  [[nodiscard]] static constexpr std::size_t words_for(std::size_t bits) noexcept {
    return (bits + kWordBits - 1) / kWordBits;
  }
  [[nodiscard]] std::uint64_t* summary(std::size_t page_class) const noexcept {
    return storage_ + page_class * (summary_words_ + words_);
  }
  [[nodiscard]] std::uint64_t* bitmap(std::size_t page_class) const noexcept {
    return summary(page_class) + summary_words_;
  }

  std::uint64_t occupied_ = 0;
  std::uint64_t* const storage_;
  const std::uint32_t page_count_;
  const std::uint32_t class_count_;
  const std::uint32_t words_;
  const std::uint32_t summary_words_;
};

// Inline, because every run that is taken or given back goes through two or three of them.

inline void RunSet::insert(std::size_t page_class, std::uint32_t page) noexcept {
  TARN_CHECK(page_class < class_count_ && page < page_count_);
  std::uint64_t* const classes = summary(page_class);
  std::uint64_t& word = classes[summary_words_ + page / kWordBits];
  TARN_CHECK((word & bit(page)) == 0);
  word |= bit(page);
  classes[page / kWordBits / kWordBits] |= bit(page / kWordBits);
  occupied_ |= bit(page_class);
}

inline void RunSet::erase(std::size_t page_class, std::uint32_t page) noexcept {
  TARN_CHECK(page_class < class_count_ && page < page_count_);
  std::uint64_t* const classes = summary(page_class);
  std::uint64_t& word = classes[summary_words_ + page / kWordBits];
  TARN_CHECK((word & bit(page)) != 0);
  word &= ~bit(page);
  if (word != 0) return;
  classes[page / kWordBits / kWordBits] &= ~bit(page / kWordBits);
  for (std::size_t i = 0; i < summary_words_; ++i) {
    if (classes[i] != 0) return;
  }
  occupied_ &= ~bit(page_class);
}

inline std::size_t RunSet::find_set(const std::uint64_t* words, std::size_t count,
                                    std::size_t from) noexcept {
  std::size_t word = from / kWordBits;
  if (word >= count) return count * kWordBits;
  std::uint64_t candidates = words[word] & ~(bit(from) - 1);
  while (candidates == 0) {
    if (++word == count) return count * kWordBits;
    candidates = words[word];
  }
  return word * kWordBits + static_cast<std::size_t>(std::countr_zero(candidates));
}

template <class PagesOf>
inline std::uint32_t RunSet::lowest_among(std::size_t page_class, std::uint32_t page,
                                          PagesOf&& pages_of) const noexcept {
  TARN_ASSERT(page_class < class_count_);
  if (page >= page_count_) return kNone;
  const std::uint64_t* const words = bitmap(page_class);
  std::size_t word = page / kWordBits;
  std::uint64_t candidates = words[word] & ~(bit(page) - 1) & pages_of(word);
  while (candidates == 0) {
    word = find_set(summary(page_class), summary_words_, word + 1);
    if (word >= words_) return kNone;
    candidates = words[word] & pages_of(word);
  }
  return static_cast<std::uint32_t>(word * kWordBits +
                                    static_cast<std::size_t>(std::countr_zero(candidates)));
}

}  // namespace tarn::pool
