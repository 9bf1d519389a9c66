// SPDX-License-Identifier: Apache-2.0
// A run cut into equal elements, and the list of those of one class that have room. Layer: pool.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/sizing/size_class.hpp"

namespace tarn::pool {

class Chunk;

/// A run cut into equal elements ("slots"), tracked by a bitmap.
///
/// Its metadata is one piece of memory, whose parts find each other by arithmetic; regions are what
/// the chunk's page table leads to:
///
///     | bitmap: bit i: slot i is taken | Subpage | Region of slot 0 | Region of slot 1 | ..
///
/// A region's control block is written when its slot is first handed out, not before: the memory
/// of the others is not even resident. Invariant: blocks from `high_water_` on have null data,
/// those before it name their slot.
///
/// Thread safety: none; its arena's lock.
class Subpage {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// What the slots of a new subpage are.
  struct Shape {
    sizing::SizeClass size_class;
    MemoryKind memory_kind;
    std::uint32_t slot_count;
    std::size_t slot_size;
  };

  /// Bytes of metadata for up to `capacity` slots, a power of two.
  [[nodiscard]] static constexpr std::size_t footprint(std::size_t capacity) noexcept {
    return words_for(capacity) * sizeof(std::uint64_t) + sizeof(Subpage) +
           capacity * sizeof(Region);
  }

  /// Makes storage of `footprint(capacity)` bytes, all 0, fit for create().
  [[nodiscard]] static Subpage* lay_out(void* storage, std::size_t capacity) noexcept;

  /// Starts a life with every slot free, over the run at `memory`, which starts at `page`.
  /// @pre fresh from lay_out(), or every slot is free; capacity for `shape`; checked.
  void start(const Shape& shape, Chunk* chunk, std::uint32_t page, std::byte* memory) noexcept;

  /// Forgets what earlier lives have left in the control blocks, and gives their whole system pages
  /// back. @pre every slot is free.
  void purge() noexcept;

  Subpage(const Subpage&) = delete;
  Subpage& operator=(const Subpage&) = delete;

  /// Takes up to `wanted` slots and appends their regions to `list`: one alone the slot that was
  /// freed last, if it is still free; else the lowest ones, in address order.
  /// @returns how many it took.
  std::size_t take(RegionList& list, std::size_t wanted) noexcept;

  /// Frees the slot of a region.
  /// @returns false, and nothing has changed, when the region is no taken slot of this subpage.
  [[nodiscard]] bool try_give(const Region* region) noexcept {
    const auto slot = static_cast<std::size_t>(region - regions());
    if (slot >= slot_count_ || region->data != slot_address(slot)) [[unlikely]]
      return false;
    std::uint64_t& word = bitmap_[slot / kWordBits];
    const std::uint64_t bit = std::uint64_t{1} << (slot % kWordBits);
    if ((word & bit) == 0) [[unlikely]]
      return false;
    word &= ~bit;
    last_freed_ = static_cast<std::uint32_t>(slot);
    if (last_freed_ / kWordBits < first_word_) {
      first_word_ = static_cast<std::uint32_t>(last_freed_ / kWordBits);
    }
    ++free_count_;
    return true;
  }

  /// Whether `region` is a taken slot of this subpage.
  [[nodiscard]] bool is_live(const Region* region) const noexcept {
    const auto slot = static_cast<std::size_t>(region - regions());
    return slot < slot_count_ && region->data == slot_address(slot) && is_taken(slot);
  }

  [[nodiscard]] bool is_full() const noexcept { return free_count_ == 0; }
  [[nodiscard]] bool is_empty() const noexcept { return free_count_ == slot_count_; }
  [[nodiscard]] std::uint32_t slot_count() const noexcept { return slot_count_; }
  [[nodiscard]] std::uint32_t free_count() const noexcept { return free_count_; }
  [[nodiscard]] std::size_t slot_size() const noexcept { return slot_size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return std::size_t{1} << capacity_log2_; }
  [[nodiscard]] sizing::SizeClass size_class() const noexcept { return size_class_; }
  [[nodiscard]] Chunk& chunk() const noexcept { return *chunk_; }
  [[nodiscard]] std::uint32_t page() const noexcept { return page_; }

  [[nodiscard]] Region* regions() noexcept { return reinterpret_cast<Region*>(this + 1); }
  [[nodiscard]] const Region* regions() const noexcept {
    return reinterpret_cast<const Region*>(this + 1);
  }
  /// The subpage whose regions a page table's entry leads to.
  /// @pre they are a subpage's, not a run's.
  [[nodiscard]] static Subpage* of_regions(Region* regions) noexcept {
    return reinterpret_cast<Subpage*>(regions) - 1;
  }

  /// Checks every invariant. Fatal when one is broken.
  void audit() const noexcept;

  // Its place in a SubpageList while it has room, or in the metadata's list of unused ones.
  Subpage* prev = nullptr;
  Subpage* next = nullptr;

 private:
  static constexpr std::size_t kWordBits = 64;

  Subpage(std::uint64_t* bitmap, std::size_t capacity) noexcept
      : bitmap_(bitmap), capacity_log2_(static_cast<std::uint8_t>(std::bit_width(capacity) - 1)) {}

  [[nodiscard]] static constexpr std::size_t words_for(std::size_t capacity) noexcept {
    return capacity <= kWordBits ? 1 : capacity / kWordBits;
  }
  [[nodiscard]] bool is_taken(std::size_t slot) const noexcept {
    return (bitmap_[slot / kWordBits] >> (slot % kWordBits) & 1U) != 0;
  }
  [[nodiscard]] const std::byte* slot_address(std::size_t slot) const noexcept {
    return memory_ + slot * slot_size_;
  }
  [[nodiscard]] Region* hand_out(std::size_t slot) noexcept;
  void forget() noexcept;

  std::uint64_t* const bitmap_;  // in front of this object
  Chunk* chunk_ = nullptr;
  std::byte* memory_ = nullptr;
  std::size_t slot_size_ = 0;
  std::uint32_t page_ = 0;
  std::uint32_t slot_count_ = 0;
  std::uint32_t free_count_ = 0;
  std::uint32_t last_freed_ = kNone;  // the hint; a free slot, or kNone
  std::uint32_t first_word_ = 0;      // no word of the bitmap below has a clear bit
  std::uint32_t high_water_ = 0;      // slots from here on were never handed out in this life
  sizing::SizeClass size_class_{0};
  MemoryKind memory_kind_ = MemoryKind::heap;
  const std::uint8_t capacity_log2_;
};

/// The subpages of one class that have a free slot; the first is where the next one is taken.
///
/// A full one that gets a slot back comes to the front: it is the fullest of all, and filling the
/// full lets the others run empty.
///
/// Thread safety: none; its arena's lock.
class SubpageList {
 public:
  [[nodiscard]] Subpage* first() const noexcept { return first_; }
  [[nodiscard]] bool is_only(const Subpage* subpage) const noexcept {
    return first_ == subpage && subpage->next == nullptr;
  }
  void push_front(Subpage* subpage) noexcept;
  void remove(Subpage* subpage) noexcept;

 private:
  Subpage* first_ = nullptr;
};

}  // namespace tarn::pool
