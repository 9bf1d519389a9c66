// SPDX-License-Identifier: Apache-2.0
// The control block of a piece of memory, and what every holder of one may do with it. Layer: pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::pool {

/// Why a region is not cut from a chunk; `pooled` for all that are.
enum class RegionKind : std::uint8_t { pooled = 0, huge = 1, foreign = 2 };

/// Control block of one region: where its memory is, what class it has, how many share it.
///
///     live in buffers    link = its RegionCache,             refs = number of sharers
///     live as plain      link = its RegionCache | kPlainTag,  refs = 0
///     live, foreign      link = foreign_home(),               refs = number of sharers
///     waiting in a list  link = the next region, or 0,        refs = 0
///
/// So "live, plain, of this class, and mine" is one comparison of `link`, and releasing anything
/// twice meets a link or a count that no live region has. Control blocks lie apart from the memory
/// they describe and stay readable until their pool ends.
///
/// Thread safety: all but `refs` belong to whoever holds the region; `refs` is shared by its
/// holders. Anyone may look at `data` and `link` by seen_data() and seen_link(), which is why they
/// are written by set_data() and set_link().
struct Region {
  std::byte* data = nullptr;            ///< First byte of the memory.
  std::uintptr_t link = 0;              ///< See the table above.
  sync::Atomic<std::uint32_t> refs{0};  ///< Sharers: relaxed up, release down, acquire at the end.
  std::uint16_t size_class = 0;         ///< Index of the size class; meaningless unless pooled.
  RegionKind kind = RegionKind::pooled;
  MemoryKind memory_kind = MemoryKind::heap;
};

/// `data` and `link` as somebody sees them who may not hold the region: a thread that looks whether
/// an address is still one of its own. Relaxed: the answer decides only whether the two are what
/// this thread has itself stored.
[[nodiscard]] inline std::byte* seen_data(Region* region) noexcept {
  return std::atomic_ref(region->data).load(std::memory_order_relaxed);
}
[[nodiscard]] inline std::uintptr_t seen_link(Region* region) noexcept {
  return std::atomic_ref(region->link).load(std::memory_order_relaxed);
}
/// Relaxed: whoever gets the region next gets it by something that orders more.
inline void set_data(Region* region, std::byte* data) noexcept {
  std::atomic_ref(region->data).store(data, std::memory_order_relaxed);
}
inline void set_link(Region* region, std::uintptr_t link) noexcept {
  std::atomic_ref(region->link).store(link, std::memory_order_relaxed);
}
static_assert(sizeof(Region) == 24, "the price of every pooled piece of memory");

/// Tag in `Region::link` of a live region that is plain memory, not a buffer's.
inline constexpr std::uintptr_t kPlainTag = 1;

inline constexpr std::size_t kSmallAlignment = 16;  ///< Of every pooled region, in bytes.

/// The region after `region` in a list; only for one that waits in a list.
[[nodiscard]] inline Region* next_region(const Region* region) noexcept {
  return reinterpret_cast<Region*>(region->link);
}

inline void set_next_region(Region* region, Region* next) noexcept {
  set_link(region, reinterpret_cast<std::uintptr_t>(next));
}

/// A null-terminated list of regions, linked through `Region::link`.
struct RegionList {
  Region* first = nullptr;
  Region* last = nullptr;
  std::size_t count = 0;
};

/// The link of every live region that is not pooled: a RegionCache that no thread owns.
[[nodiscard]] std::uintptr_t foreign_home() noexcept;

/// A region that is not cut from a chunk: huge, unpooled, wrapped or adopted memory.
struct ForeignRegion : Region {
  ForeignRegion() noexcept {
    link = foreign_home();
    kind = RegionKind::foreign;
  }

  /// Ends the region: gives the memory back to where it came from, and this control block too.
  void (*dispose)(ForeignRegion* self) noexcept = nullptr;
  /// A new region of at least `size` bytes from where this one came from, refs 1; throws
  /// std::bad_alloc. Null: growth is not possible.
  Region* (*take_like)(const ForeignRegion* self, std::size_t size) = nullptr;
  std::size_t capacity = 0;  ///< Bytes at `data`.
};

/// Takes back a region that nobody holds any more, whatever its kind. Refs must be 0 or 1.
///
/// A pooled region goes to the RegionCache it came from: by a push when this thread owns it, by a
/// batch to its owner otherwise, to its arena when the owner has ended or has no room.
/// @complexity usual path: no lock, no atomic read-modify-write.
/// Thread safety: any thread.
inline void release_region(Region* region) noexcept;

/// A new region of at least `size` bytes from the pool (or allocator) that `old` came from, of the
/// same memory kind, refs 1. Works as long as `old` is live, also after its allocator is gone.
/// @errors std::bad_alloc.
[[nodiscard]] Region* take_like(const Region* old, std::size_t size);

/// As take_like() of more bytes than `old` has, where the region can grow again if there is such a
/// place.
[[nodiscard]] Region* take_larger(const Region* old, std::size_t size);

/// Lets a live region that nobody shares have `size` bytes where it is.
/// @returns false, and nothing has changed, unless it is cut from a chunk, a run of its own, and
/// the pages behind it are free.
[[nodiscard]] bool try_grow(Region* region, std::size_t size) noexcept;

/// Bytes at `region->data`.
[[nodiscard]] std::size_t region_capacity(const Region* region) noexcept;

}  // namespace tarn::pool
