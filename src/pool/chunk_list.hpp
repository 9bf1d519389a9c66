// SPDX-License-Identifier: Apache-2.0
// The chunks of an arena whose usage lies between two bounds. Layer: pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/pool/chunk.hpp"
#include "tarn/detail/pool/stats.hpp"

namespace tarn::pool {

/// One of the lists init, 0, 25, 50, 75, 100, named for the lower bound of usage in percent.
///
///     init ──> 0 <──> 25 <──> 50 <──> 75 <──> 100      full enough: to the right, empty enough:
///     left
///              └──> leaves the lists at usage 0        nothing comes back to init
///
/// Bounds overlap, so that a chunk does not go to and fro with every run. They are Netty's, which
/// compares free bytes with percentages rounded up to just below the next whole one.
///
/// Thread safety: none; its arena's lock.
class ChunkList {
 public:
  static constexpr unsigned kNoMinimum = ~0U;  // for init: its chunks never move left
  static constexpr unsigned kNoMaximum = ~0U;  // for 100: its chunks never move right

  /// @param min_usage, max_usage percent; chunks leave at or above the one, below the other.
  ChunkList(unsigned min_usage, unsigned max_usage, std::size_t chunk_size) noexcept;
  ChunkList(const ChunkList&) = delete;
  ChunkList& operator=(const ChunkList&) = delete;

  /// Where chunks go that leave: null to the left: out of all lists; null to the right: never.
  void set_neighbours(ChunkList* left, ChunkList* right) noexcept {
    left_ = left;
    right_ = right;
  }

  /// Takes in a chunk that is in no list, or hands it on to the right.
  void add(Chunk* chunk) noexcept;
  /// Takes a chunk of this list out of it.
  void remove(Chunk* chunk) noexcept;

  /// To be called when a run of a chunk of this list was taken: it may move to the right.
  void after_take(Chunk* chunk) noexcept {
    if (is_too_full(chunk)) [[unlikely]]
      move_right(chunk);
  }
  /// To be called when a run of a chunk of this list was given back: it may move to the left.
  /// @returns false when it is empty and in no list any more.
  [[nodiscard]] bool after_give(Chunk* chunk) noexcept {
    return !is_too_empty(chunk) || move_left(chunk);
  }

  /// Whether a run of so many bytes may have room in a chunk of this list.
  [[nodiscard]] bool may_fit(std::size_t bytes) const noexcept { return bytes <= largest_run_; }

  [[nodiscard]] Chunk* first() const noexcept { return first_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] ChunkListStats stats() const noexcept;

  /// Checks every invariant, of its chunks only where they are. Fatal when one is broken.
  void audit() const noexcept;

 private:
  void push_front(Chunk* chunk) noexcept;
  void move_right(Chunk* chunk) noexcept;
  [[nodiscard]] bool move_left(Chunk* chunk) noexcept;
  [[nodiscard]] bool is_too_full(const Chunk* chunk) const noexcept {
    return right_ != nullptr && chunk->free_bytes() <= full_at_free_;
  }
  [[nodiscard]] bool is_too_empty(const Chunk* chunk) const noexcept {
    return chunk->free_bytes() > empty_above_free_;
  }

  const unsigned min_usage_;
  const unsigned max_usage_;
  const std::size_t full_at_free_;      // free bytes: at most so many and a chunk moves right
  const std::size_t empty_above_free_;  // free bytes: more than that and a chunk moves left
  const std::size_t largest_run_;       // bytes
  ChunkList* left_ = nullptr;
  ChunkList* right_ = nullptr;
  Chunk* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tarn::pool
