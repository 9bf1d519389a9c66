// SPDX-License-Identifier: Apache-2.0
// The slow half of the chunk map: making leaves, entering and taking out chunks. Layer: pool.
#include "tarn/detail/pool/chunk_map.hpp"

#include <new>

#include "pool/zeroed_memory.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn::pool {

ChunkMap::ChunkMap(std::size_t chunk_size, const platform::MemorySource& source)
    : chunk_shift_(base::floor_log2(chunk_size)),
      leaf_bits_((kAddressBits - chunk_shift_) / 2),
      root_size_(std::size_t{1} << (kAddressBits - chunk_shift_ - leaf_bits_)),
      leaf_mask_((std::size_t{1} << leaf_bits_) - 1),
      // Zero bytes are an Atomic that holds null.
      root_(static_cast<RootSlot*>(map_zeroed(source, root_size_ * sizeof(RootSlot)))),
      source_(source) {
  TARN_CHECK(base::is_power_of_two(chunk_size));
  if (root_ == nullptr) throw std::bad_alloc();
}

ChunkMap::~ChunkMap() {
  for (std::size_t i = 0; i < root_size_; ++i) {
    // Relaxed: nobody else uses the map any more, by the destructor's nature.
    Slot* const leaf = root_[i].load_relaxed();
    if (leaf != nullptr) unmap_zeroed(source_, leaf, (leaf_mask_ + 1) * sizeof(Slot));
  }
  unmap_zeroed(source_, root_, root_size_ * sizeof(RootSlot));
}

ChunkMap::Slot* ChunkMap::leaf_for(std::uintptr_t key) noexcept {
  RootSlot& root_slot = root_[key >> leaf_bits_];
  const sync::LockGuard guard(leaf_lock_);
  // Relaxed: leaves are only made under this lock.
  Slot* leaf = root_slot.load_relaxed();
  if (leaf == nullptr) {
    leaf = static_cast<Slot*>(map_zeroed(source_, (leaf_mask_ + 1) * sizeof(Slot)));
    // [sync: chunk-map-leaf] Release: the zeroes come before the leaf.
    if (leaf != nullptr) root_slot.store_release(leaf);
  }
  return leaf;
}

bool ChunkMap::insert(Chunk* chunk) noexcept {
  const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(chunk->base()) >> chunk_shift_;
  if (key >> leaf_bits_ >= root_size_) return false;
  Slot* const leaf = leaf_for(key);
  if (leaf == nullptr) return false;
  Slot& slot = leaf[key & leaf_mask_];
  // Relaxed: an address is mapped by one arena at a time, and unmapped only after erase().
  TARN_CHECK(slot.load_relaxed() == nullptr);
  // [sync: chunk-map-slot] Release: the chunk's page table comes before its entry.
  slot.store_release(chunk);
  return true;
}

void ChunkMap::erase(Chunk* chunk) noexcept {
  TARN_CHECK(find(chunk->base()) == chunk);
  const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(chunk->base()) >> chunk_shift_;
  // Acquire only because find() uses it: the leaf is this thread's, or came with the arena's lock.
  Slot* const leaf = root_[key >> leaf_bits_].load_acquire();
  // [sync: chunk-map-slot] Release: uses of the chunk come before it is reused for another address.
  leaf[key & leaf_mask_].store_release(nullptr);
}

}  // namespace tarn::pool
