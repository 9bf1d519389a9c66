// SPDX-License-Identifier: Apache-2.0
// From a size to its class and back, without division or loop. Layer sizing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/sizing/size_class.hpp"

namespace tarn::sizing {

// The spacing is jemalloc's: 16, 32, 48, 64, then four classes a doubling (80 96 112 128, 160 192
// 224 256, ..), so that rounding up wastes less than a fifth. It depends on neither page nor chunk
// size: those only decide how many classes there are and which of them are cut from subpages.

/// The smallest class, and what every class is a multiple of, in bytes. Less would spend more on
/// the control block of a region than on the region; more would waste half of it for small sizes.
inline constexpr std::size_t kQuantum = 16;
inline constexpr std::size_t kTinyLimit = 512;  // bytes; smaller rounded sizes are tiny

namespace detail {

/// class_of by bit arithmetic alone; right for every size, 0 included.
[[nodiscard]] constexpr std::size_t class_of_by_arithmetic(std::size_t size) noexcept {
  if (size <= 4 * kQuantum) return size == 0 ? 0 : (size - 1) / kQuantum;
  // 2^log2 < size <= 2^(log2 + 1): a group of four classes, the first group starting above 64.
  const unsigned log2 = base::floor_log2(size - 1);
  const std::size_t within = ((size - 1) >> (log2 - 2)) & 3U;
  return (static_cast<std::size_t>(log2) - 6) * 4 + 4 + within;
}

template <std::size_t kEntries, std::size_t kStep>
[[nodiscard]] constexpr std::array<std::uint8_t, kEntries> make_class_table() noexcept {
  std::array<std::uint8_t, kEntries> table{};
  for (std::size_t i = 0; i < kEntries; ++i) {
    table[i] = static_cast<std::uint8_t>(class_of_by_arithmetic((i + 1) * kStep));
  }
  return table;
}

}  // namespace detail

inline constexpr std::size_t kSmallTableLimit = 64 * base::kKiB;
inline constexpr std::size_t kLargeTableLimit = 1 * base::kMiB;
/// As coarse as classes above the small table's limit allow: four a doubling.
inline constexpr unsigned kLargeTableShift = 14;
static_assert(kSmallTableLimit == std::size_t{4} << kLargeTableShift);

/// Class by (size - 1) >> 4 up to 64 KiB, and by (size - 1) >> 14 up to 1 MiB: 4096 bytes and 64,
/// of which a line is touched for each KiB of sizes in use. Sizes in the first table take five
/// instructions less. With a limit of 16 KiB the processor guesses wrong which table it will be for
/// one in five of mixed sizes up to 64 KiB, which is a twelfth of a pair's time then
/// (docs/adr/0041-plain-memory-by-a-table-of-recent-addresses.md).
/// One table in steps of 16 up to 1 MiB would be 64 KiB, more than the first-level cache;
/// arithmetic alone takes about twice the instructions.
inline constexpr auto kSmallTable = detail::make_class_table<kSmallTableLimit / 16, 16>();
inline constexpr auto kLargeTable = detail::make_class_table<(kLargeTableLimit >> kLargeTableShift),
                                                             std::size_t{1} << kLargeTableShift>();

/// The index of the smallest class that holds `size` bytes; 0 is like 1. Not bounded by any
/// chunk: compare with Geometry::class_count(). At most 235, so it always fits a SizeClass.
[[nodiscard]] constexpr std::size_t class_of(std::size_t size) noexcept {
  const std::size_t last = size - 1;  // wraps for 0, which so takes the slow path at no cost here
  if (last < kSmallTableLimit) [[likely]]
    return kSmallTable[last >> 4];
  if (last < kLargeTableLimit) [[likely]]
    return kLargeTable[last >> kLargeTableShift];
  return detail::class_of_by_arithmetic(size);
}

[[nodiscard]] constexpr SizeClass size_class_of(std::size_t size) noexcept {
  return SizeClass::from_index(class_of(size));
}

/// How many classes there are at all: up to the one of 2^63.
inline constexpr std::size_t kRepresentableClasses =
    detail::class_of_by_arithmetic(std::size_t{1} << 63) + 1;

/// The size of a class in bytes.
///
/// @pre at most the class of 2^63 (`kRepresentableClasses`); debug-checked.
[[nodiscard]] constexpr std::size_t size_of(SizeClass size_class) noexcept {
  const unsigned raw = size_class.raw();
  TARN_ASSERT(raw < kRepresentableClasses);
  if (raw < 4) return (raw + std::size_t{1}) * kQuantum;
  return (std::size_t{5} + (raw & 3U)) << (raw / 4 + 3);
}

/// How a region of one class is cut from pages.
struct ClassLayout {
  std::uint32_t run_pages;   // pages of the run that holds it
  std::uint32_t elements;    // regions in that run; 1 unless the class is a subpage's
  std::uint32_t reciprocal;  // for slot_in_run; 0 for a class that is a run of its own
};

/// The slot that `offset`, in bytes from the start of its run, belongs to.
///
/// Exact for every offset where a region starts, whatever the geometry, and for every offset at all
/// with pages up to 8 KiB. With larger pages an offset inside a region, which only a wrong
/// pointer has, may give the next slot, at most `elements`; so either leave one dead entry behind
/// the last region, or compare with `elements` before looking.
[[nodiscard]] constexpr std::size_t slot_in_run(std::size_t offset,
                                                std::uint32_t reciprocal) noexcept {
  return (offset * reciprocal) >> 32;  // offset < 2^30 and reciprocal <= 2^28: no overflow
}

/// The sizes in force for one page size and chunk size, as values.
///
/// A class is a subpage's when it is smaller than four pages, else a run of its own; all are at
/// most a chunk. A page class is a number of pages that free runs are sorted by: 1, 2, 3, 4, then
/// four a doubling, which is the spacing of sizes again with the page as quantum.
///
/// Thread safety: immutable.
class Geometry {
 public:
  static constexpr std::size_t kDefaultPageSize = 8 * base::kKiB;  // Netty's since 4.0
  static constexpr unsigned kDefaultMaxOrder = 9;                  // Netty's since 4.1.75: 4 MiB
  static constexpr std::size_t kMinPageSize = 4 * base::kKiB;      // a system page
  static constexpr unsigned kMaxMaxOrder = 14;                     // 2^14 pages a chunk
  static constexpr std::size_t kMaxChunkSize = base::kGiB;  // offsets in a chunk stay 32 bits wide
  static constexpr std::size_t kMaxClassCount =
      detail::class_of_by_arithmetic(kMaxChunkSize) + 1;  // 100

  /// Whether a Geometry can be made of these: page_size a power of two from 4 KiB up, max_order at
  /// most 14, and page_size << max_order at most 1 GiB.
  [[nodiscard]] static constexpr bool is_valid(std::size_t page_size,
                                               std::size_t max_order) noexcept {
    return base::is_power_of_two(page_size) && page_size >= kMinPageSize &&
           max_order <= kMaxMaxOrder && page_size <= (kMaxChunkSize >> max_order);
  }

  /// @pre `is_valid(page_size, max_order)`; checked.
  explicit constexpr Geometry(std::size_t page_size = kDefaultPageSize,
                              unsigned max_order = kDefaultMaxOrder) noexcept
      : page_size_(page_size), max_order_(max_order) {
    TARN_CHECK(is_valid(page_size, max_order));
    class_count_ = class_of(chunk_size()) + 1;
    const std::size_t first_run = class_of(kSubpageLimitPages * page_size);
    small_count_ = first_run < class_count_ ? first_run : class_count_;
    page_classes_ = pages2idx(chunk_pages()) + 1;
    for (std::size_t raw = 0; raw < class_count_; ++raw) {
      layouts_[raw] = raw < small_count_ ? subpage_layout(raw) : run_layout(raw);
    }
  }

  [[nodiscard]] constexpr std::size_t page_size() const noexcept { return page_size_; }
  [[nodiscard]] constexpr unsigned page_shift() const noexcept {
    return base::floor_log2(page_size_);
  }
  [[nodiscard]] constexpr unsigned max_order() const noexcept { return max_order_; }
  [[nodiscard]] constexpr std::size_t chunk_size() const noexcept {
    return page_size_ << max_order_;
  }
  [[nodiscard]] constexpr std::size_t chunk_pages() const noexcept {
    return std::size_t{1} << max_order_;
  }

  /// Classes from the smallest to the chunk's own; any index from here on is huge.
  [[nodiscard]] constexpr std::size_t class_count() const noexcept { return class_count_; }
  /// Classes that are cut from subpages: the first ones.
  [[nodiscard]] constexpr std::size_t small_count() const noexcept { return small_count_; }
  /// The first class that is a run of its own; class_count() when chunks are too small for any.
  [[nodiscard]] constexpr SizeClass smallest_run_class() const noexcept {
    return SizeClass::from_index(small_count_);
  }

  [[nodiscard]] constexpr bool is_subpage(SizeClass size_class) const noexcept {
    return size_class.raw() < small_count_;
  }

  /// @pre below class_count(); debug-checked.
  [[nodiscard]] constexpr const ClassLayout& layout(SizeClass size_class) const noexcept {
    TARN_ASSERT(size_class.raw() < class_count_);
    return layouts_[size_class.raw()];
  }
  [[nodiscard]] constexpr std::size_t run_pages(SizeClass size_class) const noexcept {
    return layout(size_class).run_pages;
  }
  [[nodiscard]] constexpr std::size_t elements(SizeClass size_class) const noexcept {
    return layout(size_class).elements;
  }
  [[nodiscard]] constexpr std::uint32_t reciprocal(SizeClass size_class) const noexcept {
    return layout(size_class).reciprocal;
  }

  [[nodiscard]] constexpr Category category(SizeClass size_class) const noexcept {
    const std::size_t raw = size_class.raw();
    if (raw < class_of(kTinyLimit)) return Category::tiny;
    if (raw < small_count_) return Category::small;
    return raw < class_count_ ? Category::normal : Category::huge;
  }

  [[nodiscard]] constexpr std::size_t page_classes() const noexcept { return page_classes_; }
  /// The pages of a page class.
  [[nodiscard]] constexpr std::size_t idx2pages(std::size_t page_class) const noexcept {
    return size_of(SizeClass::from_index(page_class)) / kQuantum;
  }
  /// The smallest page class of at least `pages`: where a run of that many is looked for.
  [[nodiscard]] constexpr std::size_t pages2idx(std::size_t pages) const noexcept {
    return class_of(pages * kQuantum);
  }
  /// The largest page class of at most `pages`: where a free run of that many is kept.
  ///
  /// @pre `pages > 0`; debug-checked.
  [[nodiscard]] constexpr std::size_t pages2idx_floor(std::size_t pages) const noexcept {
    TARN_ASSERT(pages > 0);
    const std::size_t idx = pages2idx(pages);
    return idx2pages(idx) == pages ? idx : idx - 1;
  }

 private:
  // From here up rounding to whole pages wastes no more than the spacing of classes does.
  static constexpr std::size_t kSubpageLimitPages = 4;

  /// The smallest run that elements divide without rest, but never more elements than a page of the
  /// smallest class has, which bounds the bitmap, and never more pages than a chunk has.
  [[nodiscard]] constexpr ClassLayout subpage_layout(std::size_t raw) const noexcept {
    const std::size_t size = size_of(SizeClass::from_index(raw));
    const std::size_t most_elements = page_size_ / kQuantum;
    std::size_t pages = base::ceil_div(size, page_size_);
    while (pages < chunk_pages() && pages * page_size_ % size != 0 &&
           pages * page_size_ / size < most_elements) {
      ++pages;
    }
    const std::size_t fitting = pages * page_size_ / size;
    return {
        .run_pages = static_cast<std::uint32_t>(pages),
        .elements = static_cast<std::uint32_t>(fitting < most_elements ? fitting : most_elements),
        .reciprocal = static_cast<std::uint32_t>(base::ceil_div(std::size_t{1} << 32, size))};
  }

  [[nodiscard]] constexpr ClassLayout run_layout(std::size_t raw) const noexcept {
    const std::size_t size = size_of(SizeClass::from_index(raw));
    return {
        .run_pages = static_cast<std::uint32_t>(size / page_size_), .elements = 1, .reciprocal = 0};
  }

  std::size_t page_size_;
  unsigned max_order_;
  std::size_t class_count_{};
  std::size_t small_count_{};
  std::size_t page_classes_{};
  std::array<ClassLayout, kMaxClassCount> layouts_{};
};

}  // namespace tarn::sizing
