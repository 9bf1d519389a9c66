// SPDX-License-Identifier: Apache-2.0
// Cutting control blocks from blocks of memory. Layer: pool.
#include "pool/metadata.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "pool/zeroed_memory.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn::pool {
namespace {

constexpr std::size_t kCacheLine = 64;  // bytes; what chunks and subpages are aligned to

}  // namespace

Metadata::~Metadata() {
  while (blocks_ != nullptr) {
    Block* const block = std::exchange(blocks_, blocks_->next);
    unmap_zeroed(source_, block, block->size);
  }
}

bool Metadata::add_block(std::size_t least) noexcept {
  const std::size_t needed =
      base::align_up(least + sizeof(Block) + kCacheLine, platform::system_page_size());
  const std::size_t size = std::max(needed, next_block_);
  auto* const memory = static_cast<std::byte*>(map_zeroed(source_, size));
  if (memory == nullptr) return false;
  blocks_ = ::new (memory) Block{.next = blocks_, .size = size};
  mapped_bytes_ += size;
  next_block_ = std::min(next_block_ * 2, kMaxBlock);
  cursor_ = memory + sizeof(Block);
  end_ = memory + size;
  return true;
}

void* Metadata::cut(std::size_t size, std::size_t alignment) noexcept {
  const auto padding = [&] {
    const auto at = reinterpret_cast<std::uintptr_t>(cursor_);
    return base::align_up(at, alignment) - at;
  };
  // The rest of a block that is too short stays unused, and so never becomes resident.
  if (static_cast<std::size_t>(end_ - cursor_) < size + padding() && !add_block(size)) {
    return nullptr;
  }
  std::byte* const piece = cursor_ + padding();
  cursor_ = piece + size;
  TARN_ASSERT(cursor_ <= end_);
  return piece;
}

Region* Metadata::cut_region() noexcept {
  void* const piece = cut(sizeof(Region), alignof(Region));
  return piece == nullptr ? nullptr : ::new (piece) Region;
}

Subpage* Metadata::take_subpage(std::size_t capacity) noexcept {
  capacity = std::bit_ceil(capacity);
  Subpage*& unused = unused_subpages_[base::floor_log2(capacity)];
  if (unused != nullptr) return std::exchange(unused, unused->next);
  void* const piece = cut(Subpage::footprint(capacity), kCacheLine);
  return piece == nullptr ? nullptr : Subpage::lay_out(piece, capacity);
}

void Metadata::give_subpage(Subpage* subpage) noexcept {
  TARN_CHECK(subpage->is_empty());
  Subpage*& unused = unused_subpages_[base::floor_log2(subpage->capacity())];
  subpage->next = std::exchange(unused, subpage);
}

void Metadata::purge_unused() noexcept {
  for (Subpage* const first : unused_subpages_) {
    for (Subpage* subpage = first; subpage != nullptr; subpage = subpage->next) subpage->purge();
  }
  // An ended chunk is all 0 already, but for itself and leftovers that nobody reads.
  for (Chunk* chunk = unused_chunks_; chunk != nullptr; chunk = chunk->next) {
    platform::purge(chunk + 1, chunk_footprint_ - sizeof(Chunk));
  }
}

void* Metadata::take_chunk() noexcept {
  if (unused_chunks_ == nullptr) return cut(chunk_footprint_, kCacheLine);
  return std::exchange(unused_chunks_, unused_chunks_->next);
}

void Metadata::give_chunk(Chunk* chunk) noexcept {
  chunk->end();
  chunk->next = std::exchange(unused_chunks_, chunk);
}

}  // namespace tarn::pool
