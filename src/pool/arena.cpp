// SPDX-License-Identifier: Apache-2.0
// Serving regions from subpages and chunk lists, and taking them back. Layer: pool.
#include "pool/arena.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "pool/region_list.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

/// An empty subpage is kept for its class only when its slots, in bytes, are not larger: those of
/// large slots have runs of up to 56 KiB, and a class has 4 to a doubling.
constexpr std::size_t kLargestKeptSlot = 2 * base::kKiB;

/// A fresh run of slots is populated at once when its slots, in bytes, are not larger, so that all
/// of its pages will be written to; and when it is at most this part of what is in use, a 256th, so
/// that what of it stays unused is little. Both:
/// docs/adr/0047-fresh-runs-of-small-slots-are-populated.md.
constexpr std::size_t kLargestPopulatedSlot = 4 * base::kKiB;
constexpr unsigned kPopulatedShareShift = 8;

/// While the pool has so many bytes in use a chunk gets huge pages, one at a time, each when at
/// most so much of it is free: what is in use shifted by this, a sixteenth, as much as free pages
/// may be anyway (DirtyBound), and at most a half. What is free then comes in with it, and what is
/// not need not be copied. docs/adr/0052-full-chunks-get-huge-pages.md.
constexpr std::uint64_t kCollapsedFrom = 8 * base::kMiB;
constexpr unsigned kFreeAtCollapseShift = 4;
constexpr std::uint64_t kMostFreeAtCollapse = Arena::kHugePage / 2;

/// So many free runs are tried for one that is dirty. redis's trace makes 4,490 page faults with 4,
/// 4,430 with 8, 16 or 32, and 5,120 when the first run that fits is taken.
constexpr unsigned kTriesForDirtyRun = 16;
/// In so many chunks with a fitting run at most: of thousands mostly none has one that is dirty.
constexpr unsigned kChunksForDirtyRun = 2 * kTriesForDirtyRun;

/// Reports a region that nobody may give back. Its control block is readable, whatever it is.
[[noreturn, gnu::cold, gnu::noinline]] void report_not_live(const Region* region) noexcept {
  char detail[64] = "";
  if (region->size_class < sizing::kRepresentableClasses) {
    const auto size_class = sizing::SizeClass::from_index(region->size_class);
    std::snprintf(detail, sizeof(detail), "size class %u, %zu bytes", size_class.raw(),
                  sizing::size_of(size_class));
  }
  base::fatal("region given back that is not live in this arena: released twice, or not from here",
              region->data, detail);
}

[[nodiscard]] sizing::SizeClass class_of(const Region* region) noexcept {
  return sizing::SizeClass::from_index(region->size_class);
}

/// How many control blocks a subpage of a class needs: one more than slots where an address inside
/// a slot, or behind the last one, may lead to a slot too many (sizing::slot_in_run).
[[nodiscard]] std::size_t subpage_capacity(const sizing::Geometry& geometry,
                                           sizing::SizeClass size_class) noexcept {
  const sizing::ClassLayout& layout = geometry.layout(size_class);
  const std::size_t slot_size = sizing::size_of(size_class);
  const bool tiles = layout.run_pages * geometry.page_size() == layout.elements * slot_size;
  const bool exact = geometry.page_size() <= sizing::Geometry::kDefaultPageSize ||
                     base::is_power_of_two(slot_size);
  return layout.elements + (tiles && exact ? 0U : 1U);
}

}  // namespace

Arena::Arena(const sizing::Geometry& geometry, MemoryKind kind,
             const platform::MemorySource& source, ChunkMap& map, unsigned index,
             const ArenaSeams& seams) noexcept
    : geometry_(geometry),
      kind_(kind),
      index_(index),
      source_(source),
      map_(map),
      now_ms_(seams.now_ms),
      in_use_elsewhere_(seams.in_use_elsewhere),
      references_(seams.references),
      collapse_(seams.collapse),
      now_us_(seams.now_us),
      collapse_pace_(seams.collapse_pace),
      metadata_(seams.metadata, Chunk::footprint(geometry)),
      lists_{{{ChunkList::kNoMinimum, 25, geometry.chunk_size()},
              {1, 50, geometry.chunk_size()},
              {25, 75, geometry.chunk_size()},
              {50, 100, geometry.chunk_size()},
              {75, 100, geometry.chunk_size()},
              {100, ChunkList::kNoMaximum, geometry.chunk_size()}}},
      dirty_bound_(now_ms_()) {
  lists_[kInit].set_neighbours(nullptr, &lists_[k0]);
  lists_[k0].set_neighbours(nullptr, &lists_[k25]);
  lists_[k25].set_neighbours(&lists_[k0], &lists_[k50]);
  lists_[k50].set_neighbours(&lists_[k25], &lists_[k75]);
  lists_[k75].set_neighbours(&lists_[k50], &lists_[k100]);
  lists_[k100].set_neighbours(&lists_[k75], nullptr);
}

Arena::~Arena() {
  release_unused();
  const sync::LockGuard guard(lock_);
  // A chunk that is still there holds a live region.
  TARN_CHECK(live_regions_ == 0 && chunks_mapped_ == chunks_unmapped_);
}

// --- taking -------------------------------------------------------------------------------------

RegionList Arena::take(sizing::SizeClass size_class, std::size_t count) noexcept {
  TARN_ASSERT(count > 0 && size_class.raw() < geometry_.class_count());
  RegionList list;
  FreshMemory fresh;
  Chunk* doomed = nullptr;
  std::byte* huge_page = nullptr;
  {
    const sync::LockGuard guard(lock_);
    if (geometry_.elements(size_class) > 1) {
      take_slots(size_class, count, list, fresh);
    } else {
      take_runs(size_class, count, list);
    }
    count_taken(size_class, list.count);
    doom_idle(doomed);
    huge_page = huge_page_due(list);
  }
  if (doomed != nullptr) [[unlikely]]
    finish(doomed, 0);
  // Without the lock: run and chunk stay, as they hold a region of the list.
  if (fresh.bytes != 0) platform::populate(fresh.begin, fresh.bytes);
  if (huge_page != nullptr) [[unlikely]]
    collapse(huge_page);
  return list;
}

Region* Arena::take_aligned(sizing::SizeClass size_class, std::size_t alignment) noexcept {
  TARN_ASSERT(size_class.raw() < geometry_.class_count());
  TARN_ASSERT(base::is_power_of_two(alignment) && alignment <= geometry_.chunk_size());
  // A run of its own, also where the class is a subpage's: slots are aligned to their size at best.
  const RunWish wish{
      .pages = pages_of_run(size_class),
      .alignment = static_cast<std::uint32_t>(base::ceil_div(alignment, geometry_.page_size()))};
  const sync::LockGuard guard(lock_);
  Region* const region = take_run_region(size_class, wish);
  if (region != nullptr) count_taken(size_class, 1);
  return region;
}

inline void Arena::count_taken(sizing::SizeClass size_class, std::size_t count) noexcept {
  // Relaxed: the caller keeps the pool alive.
  if (live_regions_ == 0 && count != 0 && references_ != nullptr) {
    static_cast<void>(references_->fetch_add_relaxed(1));
  }
  live_regions_ += count;
  in_use_bytes_.add(count * sizing::size_of(size_class));
  dirty_bound_.note_held(held_bytes());
}

/// Where in the chunk that the last region taken lies in a huge page is to be put now; null:
/// nowhere.
inline std::byte* Arena::huge_page_due(const RegionList& taken) noexcept {
  const std::uint64_t held = held_bytes();
  if (taken.last == nullptr || held < kCollapsedFrom) return nullptr;
  Chunk& chunk = chunk_of(taken.last);
  // From the lowest place on, as runs are taken, so what is free lies behind, mostly.
  const std::size_t behind = std::size_t{chunk.collapses() + 1U} * kHugePage;
  if (behind > geometry_.chunk_size() || geometry_.page_size() > kHugePage) return nullptr;
  const std::uint64_t free = std::min(held >> kFreeAtCollapseShift, kMostFreeAtCollapse);
  if (chunk.free_bytes() > geometry_.chunk_size() - behind + free) return nullptr;
  if (collapse_pace_ != nullptr && !collapse_pace_->try_start(now_ms_())) return nullptr;
  chunk.count_collapse();
  return chunk.base() + behind - kHugePage;
}

void Arena::take_slots(sizing::SizeClass size_class, std::size_t count, RegionList& list,
                       FreshMemory& fresh) noexcept {
  SubpageList& with_room = subpages_[size_class.raw()];
  while (list.count < count) {
    Subpage* subpage = with_room.first();
    if (subpage == nullptr) {
      subpage = add_subpage(size_class, list.count == 0, fresh);
      if (subpage == nullptr) return;
      with_room.push_front(subpage);
    }
    subpage->take(list, count - list.count);
    if (subpage->is_full()) with_room.remove(subpage);
  }
}

void Arena::take_runs(sizing::SizeClass size_class, std::size_t count, RegionList& list) noexcept {
  const std::uint32_t pages = pages_of_run(size_class);
  while (list.count < count) {
    Region* const region =
        take_run_region(size_class, {.pages = pages, .may_map = list.count == 0});
    if (region == nullptr) return;
    append(list, region);
  }
}

Subpage* Arena::add_subpage(sizing::SizeClass size_class, bool may_map,
                            FreshMemory& fresh) noexcept {
  Subpage* const subpage = metadata_.take_subpage(subpage_capacity(geometry_, size_class));
  if (subpage == nullptr) return nullptr;
  const sizing::ClassLayout& layout = geometry_.layout(size_class);
  const Run run = take_run({.pages = layout.run_pages, .may_map = may_map});
  if (run.chunk == nullptr) {
    metadata_.give_subpage(subpage);
    return nullptr;
  }
  const Subpage::Shape shape{.size_class = size_class,
                             .memory_kind = kind_,
                             .slot_count = layout.elements,
                             .slot_size = sizing::size_of(size_class)};
  std::byte* const memory = run.chunk->page_address(run.page);
  subpage->start(shape, run.chunk, run.page, memory);
  run.chunk->bind_run(run.page, subpage->regions(), layout.reciprocal);
  const std::size_t bytes = std::size_t{layout.run_pages} << geometry_.page_shift();
  if (run.is_fresh && shape.slot_size <= kLargestPopulatedSlot &&
      bytes <= held_bytes() >> kPopulatedShareShift) {
    fresh.add(memory, bytes);
  }
  return subpage;
}

inline Region* Arena::take_run_region(sizing::SizeClass size_class, const RunWish& wish) noexcept {
  Region* const region = metadata_.take_region();
  if (region == nullptr) return nullptr;
  const Run run = take_run(wish);
  if (run.chunk == nullptr) {
    metadata_.give_region(region);
    return nullptr;
  }
  set_data(region, run.chunk->page_address(run.page));
  region->refs.store_relaxed(0);  // nobody holds it
  region->size_class = size_class.raw();
  region->memory_kind = kind_;
  run.chunk->bind_run(run.page, region, 0);
  return region;
}

inline Arena::Run Arena::take_run(const RunWish& wish) noexcept {
  const std::size_t bytes = std::size_t{wish.pages} << geometry_.page_shift();
  // A free run is kept in the class below its length, so one of that class may be too short when
  // more room is asked for.
  const std::size_t page_class =
      wish.room != 0 ? geometry_.pages2idx(wish.room) : geometry_.pages2idx_floor(wish.pages);
  // Those of the kept chunk are in no list.
  const std::size_t kept_dirty = kept_ == nullptr ? 0 : kept_->dirty_pages();
  if (wish.room == 0 && wish.alignment == 1 && wish.pages <= dirty_pages_ - kept_dirty) {
    const Run run = take_dirty_run(wish.pages);
    if (run.chunk != nullptr) return run;
  }
  for (const ListIndex index : kWhereToLook) {
    ChunkList& list = lists_[index];
    if (!list.may_fit(bytes)) continue;
    for (Chunk* chunk = list.first(); chunk != nullptr; chunk = chunk->next) {
      if (!chunk->has_free_run(page_class)) continue;
      const Run run = take_run_from(*chunk, wish);
      if (run.chunk == nullptr) continue;
      list.after_take(chunk);
      return run;
    }
  }
  Chunk* const chunk = wish.may_map ? add_chunk() : nullptr;
  if (chunk == nullptr) return {};
  const Run run = take_run_from(*chunk, wish);
  TARN_CHECK(run.chunk != nullptr);
  lists_[kInit].add(chunk);
  return run;
}

/// A run of dirty pages, of which none need be brought in, if one is found soon.
inline Arena::Run Arena::take_dirty_run(std::uint32_t pages) noexcept {
  const std::size_t bytes = std::size_t{pages} << geometry_.page_shift();
  const std::size_t page_class = geometry_.pages2idx(pages);
  unsigned tries = kTriesForDirtyRun;
  unsigned chunks = kChunksForDirtyRun;
  for (const ListIndex index : kWhereToLook) {
    ChunkList& list = lists_[index];
    if (!list.may_fit(bytes)) continue;
    for (Chunk* chunk = list.first(); chunk != nullptr; chunk = chunk->next) {
      if (!chunk->has_free_run(page_class)) continue;
      const std::uint32_t page = chunk->take_dirty_run(pages, tries);
      if (page != Chunk::kNoRun) {
        dirty_pages_ -= pages;
        list.after_take(chunk);
        return {.chunk = chunk, .page = page, .is_fresh = false};
      }
      if (tries == 0 || --chunks == 0) return {};
    }
  }
  return {};
}

Region* Arena::take_growable(sizing::SizeClass size_class) noexcept {
  const std::uint32_t pages = pages_of_run(size_class);
  const std::uint32_t least = 2 * pages;
  const auto chunk_pages = static_cast<std::uint32_t>(geometry_.chunk_pages());
  if (least > chunk_pages) return nullptr;
  const sync::LockGuard guard(lock_);
  // In all chunks the most room first: what has to move again is copied again.
  std::uint32_t room = std::max(least, std::min(kRoomToGrow * pages, chunk_pages / 4));
  while (true) {
    Region* const region =
        take_run_region(size_class, {.pages = pages, .may_map = false, .room = room});
    if (region != nullptr) count_taken(size_class, 1);
    if (region != nullptr || room == least) return region;
    room = std::max(least, room / 2);
  }
}

bool Arena::try_grow(Region* region, sizing::SizeClass size_class) noexcept {
  TARN_ASSERT(size_class.raw() < geometry_.class_count() && region->size_class < size_class.raw());
  if (geometry_.elements(size_class) > 1) return false;
  const sync::LockGuard guard(lock_);
  Chunk& chunk = chunk_of(region);
  if (chunk.entry_of(region->data).reciprocal != 0) return false;
  const std::size_t dirty = chunk.dirty_pages();
  const std::uint32_t page = chunk.page_of(region->data);
  const std::uint32_t pages = pages_of_run(size_class);
  // In chunks of few pages several classes have runs of as many.
  if (pages != chunk.taken_run_at(page) && !chunk.grow_run(page, pages)) return false;
  dirty_pages_ -= dirty - chunk.dirty_pages();
  chunk.list->after_take(&chunk);
  in_use_bytes_.add(sizing::size_of(size_class) - sizing::size_of(class_of(region)));
  dirty_bound_.note_held(held_bytes());
  region->size_class = size_class.raw();
  return true;
}

inline Arena::Run Arena::take_run_from(Chunk& chunk, const RunWish& wish) noexcept {
  const std::size_t dirty = chunk.dirty_pages();
  const std::uint32_t page = wish.alignment != 1
                                 ? chunk.take_aligned_run(wish.pages, wish.alignment)
                             : wish.room != 0 ? chunk.take_run_with_room(wish.pages, wish.room)
                                              : chunk.take_run(wish.pages);
  if (page == Chunk::kNoRun) return {};
  const std::size_t taken = dirty - chunk.dirty_pages();
  dirty_pages_ -= taken;
  return {.chunk = &chunk, .page = page, .is_fresh = taken == 0};
}

// --- giving back --------------------------------------------------------------------------------

bool Arena::give(Region* first) noexcept {
  Chunk* doomed = nullptr;
  std::size_t count = 0;
  const std::size_t chunk_size = geometry_.chunk_size();
  {
    const sync::LockGuard guard(lock_);
    Chunk* chunk = nullptr;
    for (Region* region = first; region != nullptr; ++count) {
      Region* const next = next_region(region);
      // Neighbours in a list mostly lie in one chunk; below its start the difference wraps.
      if (chunk == nullptr ||
          static_cast<std::size_t>(region->data - chunk->base()) >= chunk_size) {
        chunk = &chunk_of(region);
      }
      const PageEntry& entry = chunk->entry_of(region->data);
      if (entry.reciprocal == 0) {
        give_run_region(region, *chunk, doomed);
      } else {
        Subpage* const subpage = Subpage::of_regions(entry.regions);
        if (!subpage->try_give(region)) [[unlikely]]
          report_not_live(region);
        set_next_region(region, nullptr);
        in_use_bytes_.subtract(subpage->slot_size());
        if (subpage->free_count() == 1 || subpage->is_empty()) relink(subpage, doomed);
      }
      if (doomed == chunk) chunk = nullptr;
      region = next;
    }
    bound_dirty_pages();
    doom_idle(doomed);
    if (doomed == nullptr) [[likely]]
      return count_given(count);
  }
  return finish(doomed, count);
}

inline Chunk& Arena::chunk_of(const Region* region) const noexcept {
  Chunk* const chunk = map_.find(region->data);
  if (chunk == nullptr || &chunk->arena() != this) report_not_live(region);
  return *chunk;
}

/// Takes back a run of one region.
inline void Arena::give_run_region(Region* region, Chunk& chunk, Chunk*& doomed) noexcept {
  const std::uint32_t page = chunk.page_of(region->data);
  if (chunk.entry_of(region->data).regions != region || chunk.page_address(page) != region->data) {
    report_not_live(region);
  }
  in_use_bytes_.subtract(sizing::size_of(class_of(region)));
  metadata_.give_region(region);
  give_run(chunk, page, doomed);
}

/// Links a subpage that has got its first free slot, and drops one that has got its last taken one,
/// unless it is the only one of its class and its slots are not large: so a single region taken and
/// given back is cheap.
void Arena::relink(Subpage* subpage, Chunk*& doomed) noexcept {
  SubpageList& with_room = subpages_[subpage->size_class().raw()];
  if (subpage->free_count() == 1) {
    with_room.push_front(subpage);
  } else if (subpage->slot_size() > kLargestKeptSlot || !with_room.is_only(subpage)) {
    drop_subpage(subpage, doomed);
  }
}

void Arena::drop_subpage(Subpage* subpage, Chunk*& doomed) noexcept {
  subpages_[subpage->size_class().raw()].remove(subpage);
  Chunk& chunk = subpage->chunk();
  const std::uint32_t page = subpage->page();
  metadata_.give_subpage(subpage);
  give_run(chunk, page, doomed);
}

inline void Arena::give_run(Chunk& chunk, std::uint32_t page, Chunk*& doomed) noexcept {
  const std::uint32_t pages = chunk.taken_run_at(page);
  dirty_bound_.note_given(std::uint64_t{pages} << geometry_.page_shift());
  dirty_pages_ += pages;
  chunk.give_run(page);
  if (chunk.list->after_give(&chunk)) return;
  if (kept_ == nullptr) {
    kept_ = &chunk;
    kept_since_ms_ = now_ms_();
  } else {
    doom(&chunk, doomed);
  }
}

// --- looking ------------------------------------------------------------------------------------

ArenaStats Arena::stats() const noexcept {
  ArenaStats stats;
  stats.thread_caches = thread_caches();
  const sync::LockGuard guard(lock_);
  stats.chunks = static_cast<std::size_t>(chunks_mapped_ - chunks_unmapped_);
  stats.mapped_bytes = std::uint64_t{stats.chunks} * geometry_.chunk_size();
  stats.in_use_bytes = in_use_bytes_.load();
  stats.free_bytes = stats.mapped_bytes - stats.in_use_bytes;
  stats.dirty_bytes = dirty_bytes();
  for (std::size_t i = 0; i < kListCount; ++i) stats.chunk_lists[i] = lists_[i].stats();
  return stats;
}

std::size_t Arena::live_regions() const noexcept {
  const sync::LockGuard guard(lock_);
  return live_regions_;
}

std::uint64_t Arena::chunks_mapped() const noexcept {
  const sync::LockGuard guard(lock_);
  return chunks_mapped_;
}

std::uint64_t Arena::chunks_unmapped() const noexcept {
  const sync::LockGuard guard(lock_);
  return chunks_unmapped_;
}

}  // namespace tarn::pool
