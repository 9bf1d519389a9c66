// SPDX-License-Identifier: Apache-2.0
// Memory for an arena's control blocks, apart from the payload. Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pool/subpage.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/pool/chunk.hpp"
#include "tarn/detail/pool/region.hpp"

namespace tarn::pool {

/// Type-stable memory for regions of runs, for subpages and for chunks.
///
/// What was once a control block of one type and capacity is never anything else, and nothing is
/// unmapped before this object ends: so a stale pointer to a region, which only a user's mistake
/// keeps, still reads a region, or zeros (docs/adr/0031-control-blocks-apart-from-payload.md).
///
/// Pieces are cut from blocks and never touched before they are handed out; unused ones wait in
/// lists by type and capacity, last in, first out.
///
/// Thread safety: none; its arena's lock.
class Metadata {
 public:
  /// The first block, in bytes; each further one is twice the one before up to kMaxBlock. Smaller
  /// costs system calls when the pool grows, larger address space in a process with many arenas.
  static constexpr std::size_t kMinBlock = 64 * base::kKiB;
  static constexpr std::size_t kMaxBlock = base::kMiB;

  /// @param chunk_footprint bytes of every chunk's metadata.
  Metadata(const platform::MemorySource& source, std::size_t chunk_footprint) noexcept
      : source_(source), chunk_footprint_(chunk_footprint) {}
  ~Metadata();
  Metadata(const Metadata&) = delete;
  Metadata& operator=(const Metadata&) = delete;

  // Each take returns null when memory is refused; nothing has changed then.

  /// A control block for a run. Its contents are those of its last use, or 0.
  [[nodiscard]] Region* take_region() noexcept {
    Region* const region = unused_regions_;
    if (region == nullptr) [[unlikely]]
      return cut_region();
    unused_regions_ = next_region(region);
    return region;
  }
  void give_region(Region* region) noexcept {
    set_next_region(region, unused_regions_);
    unused_regions_ = region;
  }

  /// A subpage without a life, for up to `capacity` slots, rounded up to a power of two.
  [[nodiscard]] Subpage* take_subpage(std::size_t capacity) noexcept;
  /// @pre every slot is free.
  void give_subpage(Subpage* subpage) noexcept;

  /// Storage for Chunk::create().
  [[nodiscard]] void* take_chunk() noexcept;
  /// Ends the chunk and takes back its storage.
  void give_chunk(Chunk* chunk) noexcept;

  /// Gives the whole system pages of unused subpages and chunks back; they stay mapped and read as
  /// 0.
  /// @complexity a system call each.
  void purge_unused() noexcept;

  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }

 private:
  struct Block {  // at the start of each
    Block* next;
    std::size_t size;
  };

  static constexpr std::size_t kCapacities = 32;  // powers of two; a page of 1 GiB has 2^26 slots

  [[nodiscard]] Region* cut_region() noexcept;
  [[nodiscard]] void* cut(std::size_t size, std::size_t alignment) noexcept;
  [[nodiscard]] bool add_block(std::size_t least) noexcept;

  const platform::MemorySource source_;
  const std::size_t chunk_footprint_;
  std::byte* cursor_ = nullptr;  // what is left of the block that is being cut
  std::byte* end_ = nullptr;
  Block* blocks_ = nullptr;
  std::size_t next_block_ = kMinBlock;
  std::size_t mapped_bytes_ = 0;
  Region* unused_regions_ = nullptr;  // by Region::link
  Chunk* unused_chunks_ = nullptr;    // by Chunk::next
  std::array<Subpage*, kCapacities>
      unused_subpages_{};  // by log2 of the capacity and Subpage::next
};

}  // namespace tarn::pool
