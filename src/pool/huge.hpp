// SPDX-License-Identifier: Apache-2.0
// Memory that is not cut from chunks: larger than one, or of a kind without arenas. Layer: pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/pool/stats.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/mutex.hpp"

namespace tarn::pool {

class PoolCore;

/// One huge region: memory of its own from the system.
struct HugeRegion : ForeignRegion {
  PoolCore* core = nullptr;
  std::size_t requested = 0;  ///< Bytes that were asked for, at least 1.
  std::size_t alignment = 0;
  MemoryKind mapped_as = MemoryKind::heap;
};

/// The huge regions of one pool, found by address: exact sizes, from the system and straight back.
///
/// Their control blocks are kept for the next ones, as many as were live at once: so a buffer that
/// is released twice by mistake meets a count of 0, and not whatever else the memory is used for.
///
/// Thread safety: every member, from any thread, under one lock; the system calls are outside of
/// it.
class HugeTable {
 public:
  /// Keeps the bytes of live regions in `bytes`, which outlives the table; written under its lock.
  HugeTable(PoolCore& core, const platform::MemorySource& source, sync::Counter& bytes) noexcept
      : core_(core), source_(source), bytes_(bytes) {}
  /// @pre no region is live; checked.
  ~HugeTable();
  HugeTable(const HugeTable&) = delete;
  HugeTable& operator=(const HugeTable&) = delete;

  /// A region of `size` bytes at a multiple of `alignment`; refs 0, link foreign_home() | tag.
  /// @returns null when memory is refused; nothing has changed then.
  [[nodiscard]] HugeRegion* take(std::size_t size, std::size_t alignment, MemoryKind kind,
                                 std::uintptr_t tag) noexcept;
  /// Gives a region back to the system.
  void give(HugeRegion* region) noexcept;
  /// The live region at `memory`, a buffer's or plain; null when there is none.
  [[nodiscard]] HugeRegion* find(const void* memory) const noexcept;

  [[nodiscard]] std::size_t live_regions() const noexcept;
  /// Fills in the huge category and bytes.
  void add_to(PooledAllocatorStats& stats) const noexcept;

 private:
  [[nodiscard]] HugeRegion* take_block() noexcept;
  void give_block(HugeRegion* region) noexcept;

  PoolCore& core_;
  const platform::MemorySource source_;
  sync::Counter& bytes_;
  mutable sync::Mutex lock_{sync::LockRank::arena};
  std::unordered_map<const void*, HugeRegion*> regions_ TARN_GUARDED_BY(lock_);
  HugeRegion* unused_ TARN_GUARDED_BY(lock_) = nullptr;  // blocks without memory, by their link
  std::uint64_t allocations_ TARN_GUARDED_BY(lock_) = 0;
  std::uint64_t deallocations_ TARN_GUARDED_BY(lock_) = 0;
};

}  // namespace tarn::pool
