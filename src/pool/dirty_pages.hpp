// SPDX-License-Identifier: Apache-2.0
// Which free pages of a chunk may still hold memory of the system. Layer: pool.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tarn::pool {

/// The free pages of a chunk that were used before, or came in otherwise, in two generations.
///
///     used ──give──> fresh ──age──> old ──age──> purged
///        ^             │             │
///        └────take─────┴─────────────┘
///
/// So a page is purged when it stayed free for a whole interval between two ages, and one that is
/// taken again and again never is (docs/adr/0034-free-pages-are-bounded-by-what-is-in-use.md).
///
/// Thread safety: none; its arena's lock.
class DirtyPages {
 public:
  /// Bytes that `page_count` pages need.
  [[nodiscard]] static constexpr std::size_t footprint(std::size_t page_count) noexcept {
    return 2 * words_for(page_count) * sizeof(std::uint64_t);
  }

  /// @pre `storage` has `footprint(page_count)` bytes and outlives this; it is set to 0.
  DirtyPages(std::uint64_t* storage, std::size_t page_count) noexcept
      : fresh_(storage), old_(storage + words_for(page_count)), words_(words_for(page_count)) {
    for (std::size_t i = 0; i < 2 * words_; ++i) storage[i] = 0;
  }

  /// Pages that were used are free now. @pre they are not dirty.
  void give(std::size_t page, std::size_t pages) noexcept {
    for_each_mask(page, pages, [this](std::size_t word, std::uint64_t mask, std::size_t) {
      fresh_[word] |= mask;
    });
    count_ += pages;
  }
  /// Free pages, some of which may be dirty already, have come in without being used.
  void bring_in(std::size_t page, std::size_t pages) noexcept {
    for_each_mask(page, pages, [this](std::size_t word, std::uint64_t mask, std::size_t) {
      const std::uint64_t clean = mask & ~bits_of(word);
      fresh_[word] |= clean;
      count_ += static_cast<std::size_t>(std::popcount(clean));
    });
  }
  /// Pages are used again.
  void take(std::size_t page, std::size_t pages) noexcept {
    for_each_mask(page, pages, [this](std::size_t word, std::uint64_t mask, std::size_t count) {
      const std::uint64_t dirty = bits_of(word) & mask;
      if (dirty == 0) return;
      // Mostly all of a run was used before or none; counting bits is a call without popcnt.
      count_ -= dirty == mask ? count : static_cast<std::size_t>(std::popcount(dirty));
      fresh_[word] &= ~mask;
      old_[word] &= ~mask;
    });
  }
  /// Calls `purge(page, pages)` for ranges of old pages that are at least `least` long, each as
  /// long as there is one, the highest first, since runs are taken from the lowest place; for
  /// `most` pages at most. What is left of the old ones stays old, and the fresh ones are old then.
  /// @returns pages purged.
  template <class F>
  std::size_t age(std::size_t most, std::size_t least, F&& purge) noexcept {
    std::size_t left = most;
    std::size_t begin = 0;
    std::size_t length = 0;
    const auto end_range = [&] {
      const std::size_t pages = std::min(length, left);
      if (pages == 0 || pages < least) return;
      const std::size_t page = begin + length - pages;
      purge(page, pages);
      for_each_mask(page, pages, [this](std::size_t word, std::uint64_t mask, std::size_t) {
        old_[word] &= ~mask;
      });
      left -= pages;
    };
    for (std::size_t word = words_; word-- > 0 && left != 0;) {
      std::uint64_t bits = old_[word];
      while (bits != 0) {
        const auto above = static_cast<unsigned>(std::countl_zero(bits));
        const auto run = static_cast<unsigned>(std::countl_one(bits << above));
        const std::size_t first = kBits - above - run;
        const std::size_t page = word * kBits + first;
        if (page + run != begin) {
          end_range();
          length = 0;
        }
        begin = page;
        length += run;
        bits &= ~mask_of(first, run);
      }
    }
    end_range();
    for (std::size_t word = 0; word < words_; ++word) old_[word] |= std::exchange(fresh_[word], 0);
    count_ -= most - left;
    return most - left;
  }

  /// Dirty pages.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// Whether every page of a range is dirty.
  [[nodiscard]] bool are_dirty(std::size_t page, std::size_t pages) const noexcept {
    bool all = true;
    for_each_mask(page, pages, [&](std::size_t word, std::uint64_t mask, std::size_t) {
      all = all && (~bits_of(word) & mask) == 0;
    });
    return all;
  }

  /// The dirty ones of the 64 pages from page 64 `word` on, as bits.
  [[nodiscard]] std::uint64_t bits_of(std::size_t word) const noexcept {
    return fresh_[word] | old_[word];
  }

  /// For tests and audits.
  [[nodiscard]] bool is_dirty(std::size_t page) const noexcept {
    return (bits_of(page / kBits) >> (page % kBits) & 1U) != 0;
  }

 private:
  static constexpr std::size_t kBits = 64;

  [[nodiscard]] static constexpr std::size_t words_for(std::size_t pages) noexcept {
    return (pages + kBits - 1) / kBits;
  }
  [[nodiscard]] static constexpr std::uint64_t mask_of(std::size_t first,
                                                       std::size_t count) noexcept {
    const std::uint64_t ones = count == kBits ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    return ones << first;
  }
  template <class F>
  static void for_each_mask(std::size_t page, std::size_t pages, F&& f) noexcept {
    while (pages != 0) {
      const std::size_t first = page % kBits;
      const std::size_t count = pages < kBits - first ? pages : kBits - first;
      f(page / kBits, mask_of(first, count), count);
      page += count;
      pages -= count;
    }
  }

  std::uint64_t* const fresh_;
  std::uint64_t* const old_;
  const std::size_t words_;
  std::size_t count_ = 0;
};

}  // namespace tarn::pool
