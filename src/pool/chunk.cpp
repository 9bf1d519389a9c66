// SPDX-License-Identifier: Apache-2.0
// Cutting a chunk into runs and joining them again. Layer: pool.
#include "tarn/detail/pool/chunk.hpp"

#include <algorithm>
#include <new>

#include "platform/purge_batch.hpp"
#include "pool/dirty_pages.hpp"
#include "pool/run_set.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn::pool {
namespace {

/// Where the parts of a chunk's metadata lie, in bytes from its start.
///
///     | Chunk | RunSet | DirtyPages | page table: 16 bytes a page | bitmaps of free runs |
///     | bitmaps of dirty pages | tags: 2 bytes a page |
struct Layout {
  std::size_t run_set;
  std::size_t dirty_pages;
  std::size_t pages;
  std::size_t bitmaps;
  std::size_t dirty_bitmaps;
  std::size_t tags;
  std::size_t size;
};

[[nodiscard]] Layout layout_of(const sizing::Geometry& geometry) noexcept {
  Layout layout{};
  layout.run_set = base::align_up(sizeof(Chunk), alignof(RunSet));
  layout.dirty_pages = base::align_up(layout.run_set + sizeof(RunSet), alignof(DirtyPages));
  layout.pages = base::align_up(layout.dirty_pages + sizeof(DirtyPages), sizeof(PageEntry));
  layout.bitmaps = layout.pages + geometry.chunk_pages() * sizeof(PageEntry);
  layout.dirty_bitmaps =
      layout.bitmaps + RunSet::footprint(geometry.chunk_pages(), geometry.page_classes());
  layout.tags = layout.dirty_bitmaps + DirtyPages::footprint(geometry.chunk_pages());
  layout.size = layout.tags + geometry.chunk_pages() * sizeof(std::uint16_t);
  return layout;
}

}  // namespace

static_assert(sizing::Geometry::kMaxMaxOrder <= 14, "tags have 15 bits for a run's length");

std::size_t Chunk::footprint(const sizing::Geometry& geometry) noexcept {
  return layout_of(geometry).size;
}

Chunk* Chunk::create(void* storage, const sizing::Geometry& geometry, std::byte* payload,
                     Arena* arena) noexcept {
  const Layout layout = layout_of(geometry);
  auto* const start = static_cast<std::byte*>(storage);
  auto* const bitmaps = reinterpret_cast<std::uint64_t*>(start + layout.bitmaps);
  auto* const free_runs = ::new (start + layout.run_set)
      RunSet(bitmaps, geometry.chunk_pages(), geometry.page_classes());
  auto* const dirty_pages = ::new (start + layout.dirty_pages) DirtyPages(
      reinterpret_cast<std::uint64_t*>(start + layout.dirty_bitmaps), geometry.chunk_pages());
  return ::new (storage) Chunk(geometry, payload, arena, *free_runs, *dirty_pages,
                               reinterpret_cast<PageEntry*>(start + layout.pages),
                               reinterpret_cast<std::uint16_t*>(start + layout.tags));
}

Chunk::Chunk(const sizing::Geometry& geometry, std::byte* payload, Arena* arena, RunSet& free_runs,
             DirtyPages& dirty_pages, PageEntry* pages, std::uint16_t* tags) noexcept
    : base_(payload),
      pages_(pages),
      page_shift_(geometry.page_shift()),
      page_count_(static_cast<std::uint32_t>(geometry.chunk_pages())),
      free_pages_(page_count_),
      arena_(arena),
      geometry_(geometry),
      free_runs_(free_runs),
      dirty_pages_(dirty_pages),
      tags_(tags) {
  TARN_CHECK(base::is_aligned(reinterpret_cast<std::uintptr_t>(payload), geometry.chunk_size()));
  insert_free(0, page_count_);
}

void Chunk::end() noexcept {
  TARN_CHECK(is_empty() && list == nullptr);
  erase_free(0, page_count_);
  TARN_ASSERT(free_runs_.empty());
}

inline void Chunk::tag_run(std::uint32_t page, std::uint32_t pages, std::uint16_t taken) noexcept {
  const auto tag = static_cast<std::uint16_t>(pages | taken);
  tags_[page] = tag;
  tags_[page + pages - 1] = tag;
}

inline void Chunk::insert_free(std::uint32_t page, std::uint32_t pages) noexcept {
  tag_run(page, pages, 0);
  free_runs_.insert(geometry_.pages2idx_floor(pages), page);
}

inline void Chunk::erase_free(std::uint32_t page, std::uint32_t pages) noexcept {
  free_runs_.erase(geometry_.pages2idx_floor(pages), page);
}

/// Takes [page, page + pages) out of the free run at `free_page`; what is left of it stays free.
inline void Chunk::cut(std::uint32_t free_page, std::uint32_t page, std::uint32_t pages) noexcept {
  const std::uint32_t free_end = free_page + tags_[free_page];
  const std::uint32_t end = page + pages;
  TARN_ASSERT(free_page <= page && end <= free_end);
  erase_free(free_page, free_end - free_page);
  if (page != free_page) insert_free(free_page, page - free_page);
  if (end != free_end) insert_free(end, free_end - end);
  tag_run(page, pages, kTaken);
  dirty_pages_.take(page, pages);
  free_pages_ -= pages;
}

bool Chunk::has_free_run(std::size_t page_class) const noexcept {
  return free_runs_.first_class(page_class) != RunSet::kMaxClasses;
}

std::uint32_t Chunk::take_run(std::uint32_t pages) noexcept {
  return take_run_with_room(pages, pages);
}

std::uint32_t Chunk::take_run_with_room(std::uint32_t pages, std::uint32_t room) noexcept {
  TARN_ASSERT(pages > 0 && pages <= room && room <= page_count_);
  const std::size_t page_class = free_runs_.first_class(geometry_.pages2idx(room));
  if (page_class == RunSet::kMaxClasses) return kNoRun;
  const std::uint32_t page = free_runs_.lowest(page_class);
  cut(page, page, pages);
  return page;
}

std::uint32_t Chunk::take_dirty_run(std::uint32_t pages, unsigned& tries) noexcept {
  TARN_ASSERT(pages > 0 && pages <= page_count_);
  if (dirty_pages_.count() < pages) return kNoRun;
  // What begins with a clean page is passed over by 64 pages at once.
  const auto dirty = [this](std::size_t word) { return dirty_pages_.bits_of(word); };
  // Less than kMaxClasses, which means none.
  const std::size_t longest = geometry_.pages2idx_floor(std::size_t{2} * pages);
  for (std::size_t page_class = free_runs_.first_class(geometry_.pages2idx(pages));
       page_class <= longest; page_class = free_runs_.first_class(page_class + 1)) {
    for (std::uint32_t page = free_runs_.lowest_among(page_class, 0, dirty); page != RunSet::kNone;
         page = free_runs_.lowest_among(page_class, page + 1, dirty)) {
      if (tries == 0) return kNoRun;
      --tries;
      if (!dirty_pages_.are_dirty(page, pages)) continue;
      cut(page, page, pages);
      return page;
    }
  }
  return kNoRun;
}

std::uint32_t Chunk::take_aligned_run(std::uint32_t pages, std::uint32_t alignment_pages) noexcept {
  TARN_ASSERT(pages > 0 && pages <= page_count_ && alignment_pages <= page_count_);
  // Which free run has an aligned place shows only by looking at each, shortest class first; at
  // most half of the pages start one, and requests of this kind are rare.
  for (std::size_t page_class = free_runs_.first_class(geometry_.pages2idx_floor(pages));
       page_class != RunSet::kMaxClasses; page_class = free_runs_.first_class(page_class + 1)) {
    for (std::uint32_t free_page = free_runs_.lowest(page_class); free_page != RunSet::kNone;
         free_page = free_runs_.lowest_from(page_class, free_page + 1)) {
      const auto page = static_cast<std::uint32_t>(base::align_up(free_page, alignment_pages));
      if (page + pages > free_page + tags_[free_page]) continue;
      cut(free_page, page, pages);
      return page;
    }
  }
  return kNoRun;
}

bool Chunk::grow_run(std::uint32_t page, std::uint32_t pages) noexcept {
  const std::uint32_t before = taken_run_at(page);
  TARN_ASSERT(before > 0 && before < pages);
  const std::uint32_t end = page + before;
  const std::uint32_t more = pages - before;
  if (end >= page_count_ || (tags_[end] & kTaken) != 0 || tags_[end] < more) return false;
  const std::uint32_t left = tags_[end] - more;
  erase_free(end, tags_[end]);
  if (left != 0) insert_free(end + more, left);
  tag_run(page, pages, kTaken);
  dirty_pages_.take(end, more);
  free_pages_ -= more;
  return true;
}

void Chunk::bind_run(std::uint32_t page, Region* regions, std::uint32_t reciprocal) noexcept {
  const std::uint32_t pages = taken_run_at(page);
  TARN_ASSERT(pages > 0);
  const PageEntry entry{.regions = regions,
                        .run_offset = static_cast<std::uint32_t>(std::size_t{page} << page_shift_),
                        .reciprocal = reciprocal};
  std::fill_n(pages_ + page, reciprocal == 0 ? 1 : pages, entry);
}

void Chunk::give_run(std::uint32_t page) noexcept {
  std::uint32_t pages = taken_run_at(page);
  TARN_CHECK(pages > 0);
  std::fill_n(pages_ + page, pages_[page].reciprocal == 0 ? 1 : pages, PageEntry{});
  dirty_pages_.give(page, pages);
  free_pages_ += pages;
  const std::uint32_t end = page + pages;
  if (end < page_count_ && (tags_[end] & kTaken) == 0) {
    erase_free(end, tags_[end]);
    pages += tags_[end];
  }
  if (page > 0 && (tags_[page - 1] & kTaken) == 0) {
    const std::uint32_t before = tags_[page - 1];
    erase_free(page - before, before);
    page -= before;
    pages += before;
  }
  insert_free(page, pages);
}

std::size_t Chunk::dirty_pages() const noexcept { return dirty_pages_.count(); }

void Chunk::bring_in(std::uint32_t page, std::uint32_t pages) noexcept {
  for_each_run([&](std::uint32_t run, std::uint32_t run_pages, bool taken) {
    const std::uint32_t begin = std::max(run, page);
    const std::uint32_t end = std::min(run + run_pages, page + pages);
    if (!taken && begin < end) dirty_pages_.bring_in(begin, end - begin);
  });
}

std::size_t Chunk::age_free_pages(std::size_t most, std::size_t least,
                                  platform::PurgeBatch& batch) noexcept {
  return dirty_pages_.age(most, least, [&](std::size_t page, std::size_t pages) {
    batch.add(base_ + (page << page_shift_), pages << page_shift_);
  });
}

unsigned Chunk::usage() const noexcept {
  if (free_pages_ == 0) return 100;
  const auto free_percent = static_cast<unsigned>(std::uint64_t{free_pages_} * 100 / page_count_);
  return free_percent == 0 ? 99 : 100 - free_percent;
}

void Chunk::audit() const noexcept {
  free_runs_.audit();
  std::uint32_t covered = 0;
  std::uint32_t free_pages = 0;
  std::size_t free_runs = 0;
  std::size_t dirty = 0;
  bool before_is_free = false;
  for_each_run([&](std::uint32_t page, std::uint32_t pages, bool taken) {
    TARN_CHECK(page == covered && pages > 0 && pages <= page_count_ - page);
    TARN_CHECK(tags_[page + pages - 1] == tags_[page]);
    covered += pages;
    for (std::uint32_t i = page; i < page + pages; ++i) {
      const PageEntry& entry = pages_[i];
      const bool leads_here = i == page || pages_[page].reciprocal != 0;
      TARN_CHECK(entry.regions == (leads_here ? pages_[page].regions : nullptr));
      TARN_CHECK(entry.regions == nullptr || entry.run_offset == std::size_t{page} << page_shift_);
      TARN_CHECK(entry.reciprocal == pages_[page].reciprocal);
    }
    for (std::uint32_t i = page; i < page + pages; ++i) {
      if (!dirty_pages_.is_dirty(i)) continue;
      TARN_CHECK(!taken);
      ++dirty;
    }
    if (!taken) {
      TARN_CHECK(!before_is_free);
      TARN_CHECK(pages_[page].regions == nullptr);
      TARN_CHECK(free_runs_.contains(geometry_.pages2idx_floor(pages), page));
      free_pages += pages;
      ++free_runs;
    }
    before_is_free = !taken;
  });
  TARN_CHECK(covered == page_count_);
  TARN_CHECK(free_pages == free_pages_);
  TARN_CHECK(free_runs == free_runs_.count());
  TARN_CHECK(dirty == dirty_pages_.count());
}

}  // namespace tarn::pool
