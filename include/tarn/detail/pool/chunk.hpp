// SPDX-License-Identifier: Apache-2.0
// A chunk: pages that are cut into runs, and the way from an address to its region. Layer: pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/sizing/size_classes.hpp"

namespace tarn::platform {
class PurgeBatch;
}

namespace tarn::pool {

class Arena;
class ChunkList;
class DirtyPages;
class RunSet;

/// What a page of a chunk belongs to.
///
/// Every page of a subpage's run has the same entry, so that any slot's address leads to it. Of a
/// run that is one region only the first page has one: large runs come and go at a price that does
/// not depend on their length.
struct PageEntry {
  Region* regions = nullptr;     ///< The run's control blocks, one a slot; null: none starts here.
  std::uint32_t run_offset = 0;  ///< Where the run starts, in bytes from the chunk's start.
  std::uint32_t reciprocal = 0;  ///< See sizing::slot_in_run; 0: the run is one region.
};
static_assert(sizeof(PageEntry) == 16, "the price of a page, besides its tag");

/// `chunk_size` bytes of pages, aligned to their size, cut into runs by best fit.
///
/// The payload holds nothing but what users write; this object, its page table and the sets of free
/// runs lie in metadata memory that stays readable until the arena ends. Invariant: runs, free and
/// taken, tile the chunk, and no two free ones are neighbours.
///
/// Thread safety: `region_at`, `arena` and `base` by any thread; the rest under the arena's lock.
class Chunk {
 public:
  static constexpr std::uint32_t kNoRun = ~std::uint32_t{0};

  /// Bytes of metadata for a chunk: this object and what it keeps behind itself.
  [[nodiscard]] static std::size_t footprint(const sizing::Geometry& geometry) noexcept;

  /// Makes a wholly free chunk over `payload` in `storage`, which has `footprint()` bytes: all 0,
  /// so that a fresh page table need not be touched, or what a chunk's end() has left.
  [[nodiscard]] static Chunk* create(void* storage, const sizing::Geometry& geometry,
                                     std::byte* payload, Arena* arena) noexcept;

  /// Makes the storage fit for another chunk. @pre empty and in no list; checked.
  void end() noexcept;

  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  [[nodiscard]] Arena& arena() const noexcept { return *arena_; }
  [[nodiscard]] std::byte* base() const noexcept { return base_; }

  /// The region whose memory starts at `p`; null for every other address of this chunk, the inside
  /// of a region included. Slots that wait in their subpage count as regions too: their `link` is
  /// no live region's.
  ///
  /// @pre `p` lies in this chunk.
  [[nodiscard]] Region* region_at(const void* p) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - base_);
    const PageEntry& entry = pages_[offset >> page_shift_];
    if (entry.regions == nullptr) [[unlikely]]
      return nullptr;
    Region* const region =
        entry.regions + sizing::slot_in_run(offset - entry.run_offset, entry.reciprocal);
    return region->data == p ? region : nullptr;
  }

  /// The entry of the page that `p` lies in. @pre `p` lies in this chunk.
  [[nodiscard]] const PageEntry& entry_of(const void* p) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - base_);
    return pages_[offset >> page_shift_];
  }

  // --- under the arena's lock -------------------------------------------------------------------

  /// Takes a run of `pages` pages: of the shortest fitting class of free runs the one at the lowest
  /// offset, cut from its front.
  /// @returns its first page, or kNoRun, when nothing has changed.
  [[nodiscard]] std::uint32_t take_run(std::uint32_t pages) noexcept;

  /// As take_run(), from the first free run up to the page class of twice as many whose front is
  /// dirty, so that no page need be brought in. Tries `tries` free runs at most, and takes off how
  /// many it tried.
  [[nodiscard]] std::uint32_t take_dirty_run(std::uint32_t pages, unsigned& tries) noexcept;

  /// As take_run(), from a free run of at least `room` pages, so that what follows it is free too.
  /// @pre `room` is at least `pages`.
  [[nodiscard]] std::uint32_t take_run_with_room(std::uint32_t pages, std::uint32_t room) noexcept;

  /// As take_run(), at a multiple of `alignment_pages`, a power of two up to the chunk.
  [[nodiscard]] std::uint32_t take_aligned_run(std::uint32_t pages,
                                               std::uint32_t alignment_pages) noexcept;

  /// Makes the taken run at `page` one of `pages` pages, more than it has, where it is.
  /// @returns false, and nothing has changed, when the pages behind it are not free.
  [[nodiscard]] bool grow_run(std::uint32_t page, std::uint32_t pages) noexcept;

  /// Lets the taken run at `page` lead to `regions`: by its first page when it is one region
  /// (`reciprocal` 0), by every page otherwise.
  void bind_run(std::uint32_t page, Region* regions, std::uint32_t reciprocal) noexcept;

  /// Frees the taken run that starts at `page`, bound or not, and joins it with free neighbours.
  void give_run(std::uint32_t page) noexcept;

  /// Lets free pages grow older: of those that were free at the last call already, and ever since,
  /// `most` go back to the system at most, and only where `least` lie together: when `batch` is
  /// flushed, which must be before a run is taken. @returns how many.
  std::size_t age_free_pages(std::size_t most, std::size_t least,
                             platform::PurgeBatch& batch) noexcept;

  /// Whether a free run of this class of pages (Geometry::pages2idx_floor), or a longer one, is
  /// here: what take_run() and take_aligned_run() need.
  [[nodiscard]] bool has_free_run(std::size_t page_class) const noexcept;

  /// Pages of the taken run that starts at `page`; 0 when a free one does.
  ///
  /// @pre a run starts there.
  [[nodiscard]] std::uint32_t taken_run_at(std::uint32_t page) const noexcept {
    return (tags_[page] & kTaken) != 0 ? tags_[page] & kLengthMask : 0;
  }

  /// Free pages that may still hold memory of the system.
  [[nodiscard]] std::size_t dirty_pages() const noexcept;

  /// How many huge pages were to be put under the chunk so far, from its start on.
  [[nodiscard]] unsigned collapses() const noexcept { return collapses_; }
  void count_collapse() noexcept { ++collapses_; }
  /// These pages have come in without being used: the free ones of them are dirty.
  void bring_in(std::uint32_t page, std::uint32_t pages) noexcept;

  [[nodiscard]] std::size_t free_bytes() const noexcept {
    return std::size_t{free_pages_} << page_shift_;
  }
  [[nodiscard]] bool is_empty() const noexcept { return free_pages_ == page_count_; }
  /// Percent of the pages that are taken, as Netty rounds it: 100 only when none is free.
  [[nodiscard]] unsigned usage() const noexcept;

  [[nodiscard]] std::byte* page_address(std::uint32_t page) const noexcept {
    return base_ + (std::size_t{page} << page_shift_);
  }
  [[nodiscard]] std::uint32_t page_of(const void* p) const noexcept {
    return static_cast<std::uint32_t>(
        static_cast<std::size_t>(static_cast<const std::byte*>(p) - base_) >> page_shift_);
  }

  /// Visits the runs in address order: f(page, pages, taken).
  template <class F>
  void for_each_run(F&& f) const {
    for (std::uint32_t page = 0; page < page_count_;) {
      const std::uint32_t pages = tags_[page] & kLengthMask;
      f(page, pages, (tags_[page] & kTaken) != 0);
      page += pages;
    }
  }

  /// Checks every invariant. Fatal when one is broken.
  void audit() const noexcept;

  // Its place in a ChunkList, or in the arena's list of chunks to unmap.
  Chunk* prev = nullptr;
  Chunk* next = nullptr;
  ChunkList* list = nullptr;  ///< Null: kept for reuse, or not in use.

 private:
  // Boundary tags: the first and the last page of every run hold its length and whether it is
  // taken; tags of pages inside are leftovers.
  static constexpr std::uint16_t kTaken = 0x8000;
  static constexpr std::uint16_t kLengthMask = 0x7FFF;  // up to 2^14 pages

  Chunk(const sizing::Geometry& geometry, std::byte* payload, Arena* arena, RunSet& free_runs,
        DirtyPages& dirty_pages, PageEntry* pages, std::uint16_t* tags) noexcept;

  void tag_run(std::uint32_t page, std::uint32_t pages, std::uint16_t taken) noexcept;
  void insert_free(std::uint32_t page, std::uint32_t pages) noexcept;
  void erase_free(std::uint32_t page, std::uint32_t pages) noexcept;
  void cut(std::uint32_t free_page, std::uint32_t page, std::uint32_t pages) noexcept;

  std::byte* const base_;
  PageEntry* const pages_;
  const unsigned page_shift_;
  const std::uint32_t page_count_;
  std::uint32_t free_pages_;
  std::uint16_t collapses_ = 0;
  Arena* const arena_;
  const sizing::Geometry& geometry_;
  RunSet& free_runs_;
  DirtyPages& dirty_pages_;
  std::uint16_t* const tags_;
};

}  // namespace tarn::pool
