// SPDX-License-Identifier: Apache-2.0
// What an arena gets from the system, and what it gives back to it: chunks, pages, huge pages.
// Layer: pool.
#include <utility>

#include "platform/purge_batch.hpp"
#include "pool/arena.hpp"
#include "tarn/detail/base/bits.hpp"

namespace tarn::pool {

// --- chunks -------------------------------------------------------------------------------------

Chunk* Arena::add_chunk() noexcept {
  return kept_ != nullptr ? std::exchange(kept_, nullptr) : map_chunk();
}

Chunk* Arena::map_chunk() noexcept {
  // Under the lock, so that threads that find no room at the same moment map one chunk, not one
  // each.
  const std::size_t size = geometry_.chunk_size();
  void* const payload = source_.map(source_.context, size, size, kind_);
  if (payload == nullptr) return nullptr;
  void* const storage = metadata_.take_chunk();
  if (storage != nullptr) {
    auto* const chunk = Chunk::create(storage, geometry_, static_cast<std::byte*>(payload), this);
    if (map_.insert(chunk)) {
      ++chunks_mapped_;
      return chunk;
    }
    metadata_.give_chunk(chunk);
  }
  source_.unmap(source_.context, payload, size, size, kind_);
  return nullptr;
}

/// Takes a chunk that is empty and in no list out of the arena; finish() unmaps it.
void Arena::doom(Chunk* chunk, Chunk*& doomed) noexcept {
  map_.erase(chunk);
  ++chunks_unmapped_;
  dirty_pages_ -= chunk->dirty_pages();
  chunk->next = doomed;
  doomed = chunk;
}

void Arena::doom_idle(Chunk*& doomed) noexcept {
  if (kept_ == nullptr || now_ms_() - kept_since_ms_ < kIdleMs) return;
  doom(std::exchange(kept_, nullptr), doomed);
}

/// Unmaps doomed chunks, which takes the system a while, without the lock; then counts as given
/// what give() has taken back, in the last moment in which it uses the arena. @returns as give().
bool Arena::finish(Chunk* doomed, std::size_t given) noexcept {
  const std::size_t size = geometry_.chunk_size();
  for (const Chunk* chunk = doomed; chunk != nullptr; chunk = chunk->next) {
    source_.unmap(source_.context, chunk->base(), size, size, kind_);
  }
  const sync::LockGuard guard(lock_);
  while (doomed != nullptr) metadata_.give_chunk(std::exchange(doomed, doomed->next));
  return count_given(given);
}

// --- huge pages ---------------------------------------------------------------------------------

/// Puts a huge page there, which pauses the caller. @pre the caller holds a region of the chunk.
void Arena::collapse(std::byte* memory) noexcept {
  const std::uint64_t start = now_us_();
  const bool came_in = collapse_(memory, kHugePage);
  const std::uint64_t took = now_us_() - start;
  if (collapse_pace_ != nullptr) collapse_pace_->finish(now_ms_(), took);
  if (!came_in) return;
  // Now, not before: what is purged meanwhile may have come in after that.
  const sync::LockGuard guard(lock_);
  Chunk& chunk = *map_.find(memory);
  const std::size_t dirty = chunk.dirty_pages();
  chunk.bring_in(chunk.page_of(memory),
                 static_cast<std::uint32_t>(kHugePage >> geometry_.page_shift()));
  dirty_pages_ += chunk.dirty_pages() - dirty;
}

// --- free pages ---------------------------------------------------------------------------------

/// Lets free pages go when they are too many.
void Arena::bound_dirty_pages() noexcept {
  if (dirty_bound_.is_due(held_bytes(), dirty_bytes())) [[unlikely]]
    purge_excess();
}

void Arena::purge_excess() noexcept {
  const DirtyBound::Excess excess = dirty_bound_.look(held_bytes(), dirty_bytes(), now_ms_());
  if (excess.bytes == 0) return;
  dirty_bound_.spend(std::uint64_t{age_free_pages(excess)} << geometry_.page_shift());
}

/// Ages every chunk's free pages, and gives those back that are in excess. @returns how many.
std::size_t Arena::age_free_pages(const DirtyBound::Excess& excess) noexcept {
  const std::size_t before = dirty_pages_;
  auto most = static_cast<std::size_t>(excess.bytes >> geometry_.page_shift());
  const auto least = static_cast<std::size_t>(excess.least_range >> geometry_.page_shift());
  platform::PurgeBatch batch;
  const auto age = [&](Chunk& chunk) TARN_REQUIRES(lock_) {
    if (chunk.dirty_pages() == 0) return;
    const std::size_t purged = chunk.age_free_pages(most, least, batch);
    dirty_pages_ -= purged;
    most -= purged;
  };
  if (kept_ != nullptr) age(*kept_);
  for (const ChunkList& list : lists_) {
    for (Chunk* chunk = list.first(); chunk != nullptr; chunk = chunk->next) age(*chunk);
  }
  return before - dirty_pages_;
}

/// Gives back the free pages that there are now, so many at a time that nobody waits long for the
/// lock.
void Arena::purge_free_pages() noexcept {
  constexpr DirtyBound::Excess kPart{.bytes = DirtyBound::kBurst};
  std::size_t looks = 0;
  {
    const sync::LockGuard guard(lock_);
    // One more than there are parts: the first only makes pages old that are free since the last.
    if (dirty_pages_ != 0) looks = 1 + base::ceil_div(dirty_bytes(), kPart.bytes);
  }
  for (; looks != 0; --looks) {
    const sync::LockGuard guard(lock_);
    age_free_pages(kPart);
  }
}

// --- releasing ----------------------------------------------------------------------------------

void Arena::release_unused() noexcept {
  Chunk* doomed = nullptr;
  {
    const sync::LockGuard guard(lock_);
    for (std::size_t raw = 0; raw < geometry_.small_count(); ++raw) {
      for (Subpage* subpage = subpages_[raw].first(); subpage != nullptr;) {
        Subpage* const next = subpage->next;
        if (subpage->is_empty()) drop_subpage(subpage, doomed);
        subpage = next;
      }
    }
    for (Chunk* chunk = lists_[kInit].first(); chunk != nullptr;) {
      Chunk* const next = chunk->next;
      if (chunk->is_empty()) {
        lists_[kInit].remove(chunk);
        doom(chunk, doomed);
      }
      chunk = next;
    }
    if (kept_ != nullptr) doom(std::exchange(kept_, nullptr), doomed);
  }
  finish(doomed, 0);
  purge_free_pages();
  const sync::LockGuard guard(lock_);
  metadata_.purge_unused();
}

void Arena::release_idle() noexcept {
  Chunk* doomed = nullptr;
  {
    const sync::LockGuard guard(lock_);
    doom_idle(doomed);
    if (dirty_bound_.is_overdue(held_bytes(), dirty_bytes(), now_ms_())) purge_excess();
  }
  if (doomed != nullptr) finish(doomed, 0);
}

}  // namespace tarn::pool
