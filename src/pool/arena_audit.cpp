// SPDX-License-Identifier: Apache-2.0
// The walk over an arena that checks it. Layer: pool.
#include "pool/arena.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn::pool {

/// What a walk over the chunks has found.
struct Arena::Census {
  std::size_t chunks = 0;
  std::size_t regions = 0;
  std::uint64_t bytes = 0;
  std::size_t subpages_with_room = 0;
  std::size_t dirty_pages = 0;
};

void Arena::audit() const noexcept {
  const sync::LockGuard guard(lock_);
  Census census;
  for (const ChunkList& list : lists_) {
    list.audit();
    for (const Chunk* chunk = list.first(); chunk != nullptr; chunk = chunk->next) {
      audit_chunk(*chunk, census);
    }
  }
  if (kept_ != nullptr) {
    TARN_CHECK(kept_->is_empty() && kept_->list == nullptr);
    audit_chunk(*kept_, census);
  }
  audit_subpages(census);
  TARN_CHECK(census.chunks == chunks_mapped_ - chunks_unmapped_);
  TARN_CHECK(census.regions == live_regions_);
  TARN_CHECK(census.bytes == in_use_bytes_.load());
  TARN_CHECK(census.dirty_pages == dirty_pages_);
}

void Arena::audit_chunk(const Chunk& chunk, Census& census) const noexcept {
  chunk.audit();
  TARN_CHECK(map_.find(chunk.base()) == &chunk && &chunk.arena() == this);
  ++census.chunks;
  census.dirty_pages += chunk.dirty_pages();
  chunk.for_each_run([&](std::uint32_t page, std::uint32_t pages, bool taken) {
    if (!taken) return;
    const PageEntry& entry = chunk.entry_of(chunk.page_address(page));
    TARN_CHECK(entry.regions != nullptr);
    if (entry.reciprocal == 0) {
      const Region& region = *entry.regions;
      TARN_CHECK(region.data == chunk.page_address(page) && region.memory_kind == kind_);
      const auto size_class = sizing::SizeClass::from_index(region.size_class);
      TARN_CHECK(pages_of_run(size_class) == pages);
      ++census.regions;
      census.bytes += sizing::size_of(size_class);
      return;
    }
    const Subpage& subpage = *Subpage::of_regions(entry.regions);
    subpage.audit();
    TARN_CHECK(&subpage.chunk() == &chunk && subpage.page() == page);
    const sizing::ClassLayout& layout = geometry_.layout(subpage.size_class());
    TARN_CHECK(layout.run_pages == pages && layout.elements == subpage.slot_count());
    TARN_CHECK(layout.reciprocal == entry.reciprocal);
    const std::size_t live = subpage.slot_count() - subpage.free_count();
    census.regions += live;
    census.bytes += live * subpage.slot_size();
    if (!subpage.is_full()) ++census.subpages_with_room;
  });
}

void Arena::audit_subpages(const Census& census) const noexcept {
  std::size_t with_room = 0;
  for (std::size_t raw = 0; raw < subpages_.size(); ++raw) {
    std::size_t empty = 0;
    const Subpage* before = nullptr;
    for (Subpage* subpage = subpages_[raw].first(); subpage != nullptr; subpage = subpage->next) {
      TARN_CHECK(subpage->prev == before && subpage->size_class().raw() == raw);
      TARN_CHECK(!subpage->is_full());
      const Chunk& chunk = subpage->chunk();
      const PageEntry& entry = chunk.entry_of(chunk.page_address(subpage->page()));
      TARN_CHECK(entry.regions == subpage->regions());
      if (subpage->is_empty()) ++empty;
      before = subpage;
      TARN_CHECK(++with_room <= census.subpages_with_room);
    }
    TARN_CHECK(empty <= 1);
  }
  TARN_CHECK(with_room == census.subpages_with_room);
}

}  // namespace tarn::pool
