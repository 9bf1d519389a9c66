// SPDX-License-Identifier: Apache-2.0
// From any address to the chunk that it lies in. Layer: pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/pool/chunk.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/mutex.hpp"

namespace tarn::pool {

/// A radix tree of two levels over the address bits above the chunk size.
///
///     address   | 63 .. 48 | root index | leaf index | offset in chunk |
///                 all 0      half of what is left each
///
/// With chunks of 4 MiB root and leaves are 64 KiB of address space each, and a leaf spans 32 GiB;
/// only the pages in use are resident. Leaves are never freed before the map, so find() needs no
/// protection from erase().
///
/// Thread safety: every member, from any thread. An address that the caller holds a region at is
/// found; for others the answer may be out of date.
class ChunkMap {
 public:
  /// @pre `chunk_size` is a power of two. @errors std::bad_alloc.
  explicit ChunkMap(std::size_t chunk_size,
                    const platform::MemorySource& source = platform::system_memory());
  ~ChunkMap();
  ChunkMap(const ChunkMap&) = delete;
  ChunkMap& operator=(const ChunkMap&) = delete;

  /// Enters a chunk. @returns false, and nothing has changed, when memory for a leaf is refused or
  /// the address has more than 48 bits.
  [[nodiscard]] bool insert(Chunk* chunk) noexcept;

  /// Takes out a chunk. @pre it was entered; checked.
  void erase(Chunk* chunk) noexcept;

  /// The chunk that `p`, any address at all, lies in; null when there is none.
  ///
  /// @complexity two dependent loads.
  [[nodiscard]] Chunk* find(const void* p) const noexcept {
    const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(p) >> chunk_shift_;
    const std::uintptr_t root_index = key >> leaf_bits_;
    if (root_index >= root_size_) [[unlikely]]
      return nullptr;
    // [sync: chunk-map-leaf] Acquire: the leaf's slots were null before it was published.
    const Slot* const leaf = root_[root_index].load_acquire();
    if (leaf == nullptr) [[unlikely]]
      return nullptr;
    // [sync: chunk-map-slot] Acquire: the chunk was made before it was entered.
    return leaf[key & leaf_mask_].load_acquire();
  }

  /// The region whose memory starts at `p`, any address at all; null when there is none.
  [[nodiscard]] Region* region_at(const void* p) const noexcept {
    const Chunk* const chunk = find(p);
    return chunk == nullptr ? nullptr : chunk->region_at(p);
  }

 private:
  using Slot = sync::Atomic<Chunk*>;
  using RootSlot = sync::Atomic<Slot*>;

  static constexpr unsigned kAddressBits = 48;  // what x86-64 and AArch64 hand out unless asked

  [[nodiscard]] Slot* leaf_for(std::uintptr_t key) noexcept;

  const unsigned chunk_shift_;
  const unsigned leaf_bits_;
  const std::size_t root_size_;
  const std::size_t leaf_mask_;  // slots of a leaf, less one
  RootSlot* const root_;         // written by insert(): a slot from null to its leaf, once
  const platform::MemorySource source_;
  sync::Mutex leaf_lock_{sync::LockRank::metadata};  // one leaf is made at a time
};

}  // namespace tarn::pool
