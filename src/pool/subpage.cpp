// SPDX-License-Identifier: Apache-2.0
// Slots of a subpage, taken and given back. Layer: pool.
#include "pool/subpage.hpp"

#include <algorithm>
#include <new>

#include "pool/region_list.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/memory.hpp"

namespace tarn::pool {

static_assert(sizeof(Subpage) % alignof(Region) == 0, "regions follow at once");

Subpage* Subpage::lay_out(void* storage, std::size_t capacity) noexcept {
  TARN_ASSERT(base::is_power_of_two(capacity));
  auto* const bitmap = static_cast<std::uint64_t*>(storage);
  return ::new (bitmap + words_for(capacity)) Subpage(bitmap, capacity);
}

void Subpage::start(const Shape& shape, Chunk* chunk, std::uint32_t page,
                    std::byte* memory) noexcept {
  TARN_CHECK(is_empty() && shape.slot_count > 0 && shape.slot_count <= capacity());
  forget();
  prev = next = nullptr;
  chunk_ = chunk;
  memory_ = memory;
  slot_size_ = shape.slot_size;
  page_ = page;
  slot_count_ = shape.slot_count;
  free_count_ = shape.slot_count;
  last_freed_ = kNone;
  first_word_ = 0;
  size_class_ = shape.size_class;
  memory_kind_ = shape.memory_kind;
}

/// What an earlier life has left must not be found at addresses of the next one.
void Subpage::forget() noexcept {
  for (std::size_t i = 0; i < high_water_; ++i) set_data(regions() + i, nullptr);
  high_water_ = 0;
}

void Subpage::purge() noexcept {
  TARN_ASSERT(is_empty());
  const std::size_t written = high_water_ * sizeof(Region);
  forget();
  platform::purge(regions(), written);
}

Region* Subpage::hand_out(std::size_t slot) noexcept {
  // Its storage, all 0 at first, holds a Region from the beginning: a thread that had a region here
  // in an earlier life may be looking at it just now.
  Region* const region = regions() + slot;
  set_data(region, memory_ + slot * slot_size_);
  region->refs.store_relaxed(0);  // nobody holds it
  region->size_class = size_class_.raw();
  region->memory_kind = memory_kind_;
  if (slot >= high_water_) high_water_ = static_cast<std::uint32_t>(slot + 1);
  return region;
}

std::size_t Subpage::take(RegionList& list, std::size_t wanted) noexcept {
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(wanted, free_count_));
  free_count_ -= count;
  if (count == 1 && last_freed_ != kNone) {
    bitmap_[last_freed_ / kWordBits] |= std::uint64_t{1} << (last_freed_ % kWordBits);
    append(list, hand_out(last_freed_));
    last_freed_ = kNone;
    return 1;
  }
  last_freed_ = kNone;
  std::uint32_t missing = count;
  while (missing != 0) {
    // The lowest clear bits: as many as are free are slots, so none of the rest is met.
    std::uint64_t clear = ~bitmap_[first_word_];
    for (; clear != 0 && missing != 0; --missing, clear &= clear - 1) {
      const auto slot = first_word_ * kWordBits + static_cast<std::size_t>(std::countr_zero(clear));
      append(list, hand_out(slot));
    }
    bitmap_[first_word_] = ~clear;
    if (clear == 0 && free_count_ + missing != 0) ++first_word_;
  }
  return count;
}

void Subpage::audit() const noexcept {
  std::size_t taken = 0;
  for (std::size_t w = 0; w < words_for(capacity()); ++w) {
    taken += static_cast<std::size_t>(std::popcount(bitmap_[w]));
    TARN_CHECK(w >= first_word_ || bitmap_[w] == ~std::uint64_t{0});
    const std::size_t first_slot = w * kWordBits;
    if (first_slot + kWordBits > slot_count_) {
      // No bit behind the last slot.
      const std::size_t slots = slot_count_ > first_slot ? slot_count_ - first_slot : 0;
      TARN_CHECK(bitmap_[w] >> slots == 0);
    }
  }
  TARN_CHECK(slot_count_ <= capacity() && taken == slot_count_ - free_count_);
  TARN_CHECK(high_water_ <= slot_count_ && taken <= high_water_);
  for (std::size_t i = 0; i < slot_count_; ++i) {
    const Region& region = regions()[i];
    TARN_CHECK(region.data == (i < high_water_ ? slot_address(i) : nullptr));
    TARN_CHECK(i >= high_water_ || region.size_class == size_class_.raw());
    TARN_CHECK(i < high_water_ || !is_taken(i));
  }
  TARN_CHECK(last_freed_ == kNone || (last_freed_ < high_water_ && !is_taken(last_freed_)));
}

void SubpageList::push_front(Subpage* subpage) noexcept {
  subpage->prev = nullptr;
  subpage->next = first_;
  if (first_ != nullptr) first_->prev = subpage;
  first_ = subpage;
}

void SubpageList::remove(Subpage* subpage) noexcept {
  if (subpage->prev != nullptr) {
    subpage->prev->next = subpage->next;
  } else {
    TARN_CHECK(first_ == subpage);
    first_ = subpage->next;
  }
  if (subpage->next != nullptr) subpage->next->prev = subpage->prev;
  subpage->prev = subpage->next = nullptr;
}

}  // namespace tarn::pool
