// SPDX-License-Identifier: Apache-2.0
// Moving chunks between lists by their usage. Layer: pool.
#include "pool/chunk_list.hpp"

#include <algorithm>
#include <limits>

#include "tarn/detail/base/check.hpp"

namespace tarn::pool {
namespace {

/// The free bytes at a usage of `percent`, as Netty rounds them: almost one percent more, so that a
/// usage that is shown as 25 (rounded up) counts as 25. 0 at 100 percent.
[[nodiscard]] std::size_t free_at(unsigned percent, std::size_t chunk_size) noexcept {
  if (percent >= 100) return 0;
  constexpr double kAlmostOne = 0.99999999;
  const double free_percent = 100.0 - percent + kAlmostOne;
  return static_cast<std::size_t>(static_cast<double>(chunk_size) * free_percent / 100.0);
}

/// What a chunk of a list can have free at most. A chunk in init may be empty; Netty counts it as
/// 1 percent full there, and maps a second chunk for a whole one.
[[nodiscard]] std::size_t largest_run(unsigned min_usage, std::size_t chunk_size) noexcept {
  if (min_usage == ChunkList::kNoMinimum) return chunk_size;
  return chunk_size * (100 - min_usage) / 100;
}

}  // namespace

ChunkList::ChunkList(unsigned min_usage, unsigned max_usage, std::size_t chunk_size) noexcept
    : min_usage_(min_usage),
      max_usage_(max_usage),
      full_at_free_(free_at(max_usage, chunk_size)),
      empty_above_free_(min_usage == kNoMinimum ? std::numeric_limits<std::size_t>::max()
                                                : free_at(min_usage, chunk_size)),
      largest_run_(largest_run(min_usage, chunk_size)) {}

void ChunkList::add(Chunk* chunk) noexcept {
  TARN_ASSERT(chunk->list == nullptr);
  ChunkList* list = this;
  while (list->is_too_full(chunk)) list = list->right_;
  list->push_front(chunk);
}

void ChunkList::move_right(Chunk* chunk) noexcept {
  TARN_ASSERT(chunk->list == this);
  remove(chunk);
  right_->add(chunk);
}

bool ChunkList::move_left(Chunk* chunk) noexcept {
  TARN_ASSERT(chunk->list == this);
  remove(chunk);
  ChunkList* list = left_;
  while (list != nullptr && list->is_too_empty(chunk)) list = list->left_;
  if (list == nullptr) {
    TARN_CHECK(chunk->is_empty());
    return false;
  }
  list->push_front(chunk);
  return true;
}

void ChunkList::push_front(Chunk* chunk) noexcept {
  chunk->list = this;
  chunk->prev = nullptr;
  chunk->next = first_;
  if (first_ != nullptr) first_->prev = chunk;
  first_ = chunk;
  ++size_;
}

void ChunkList::remove(Chunk* chunk) noexcept {
  TARN_CHECK(chunk->list == this && size_ > 0);
  if (chunk->prev != nullptr) {
    chunk->prev->next = chunk->next;
  } else {
    first_ = chunk->next;
  }
  if (chunk->next != nullptr) chunk->next->prev = chunk->prev;
  chunk->prev = chunk->next = nullptr;
  chunk->list = nullptr;
  --size_;
}

ChunkListStats ChunkList::stats() const noexcept {
  return {.min_usage = min_usage_ == kNoMinimum ? 1 : std::max(1U, min_usage_),
          .max_usage = std::min(100U, max_usage_),
          .chunks = size_};
}

void ChunkList::audit() const noexcept {
  std::size_t count = 0;
  const Chunk* before = nullptr;
  for (const Chunk* chunk = first_; chunk != nullptr; chunk = chunk->next) {
    TARN_CHECK(chunk->list == this && chunk->prev == before);
    TARN_CHECK(!is_too_full(chunk) && !is_too_empty(chunk));
    before = chunk;
    TARN_CHECK(++count <= size_);
  }
  TARN_CHECK(count == size_);
}

}  // namespace tarn::pool
