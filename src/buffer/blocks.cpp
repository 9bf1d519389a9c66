// SPDX-License-Identifier: Apache-2.0
// The recyclers of bookkeeping blocks. Layer: buffer.
#include "tarn/detail/buffer/blocks.hpp"

#include "tarn/detail/recycler/give_back.hpp"
#include "tarn/recycler.hpp"

namespace tarn::detail {
namespace {

/// Bytes that nobody initialises. Sizes are such that a wrapped buffer's control block takes the
/// first, four components of a composite the third, and sixteen, the default maximum, the last.
template <std::size_t kSize>
struct alignas(kBlockAlignment) Block {
  Block() noexcept {}  // NOLINT: not defaulted, which would clear the bytes
  std::byte bytes[kSize];
};

/// Bytes of one size that wait in one thread at most.
constexpr std::size_t kMostWaiting = std::size_t{64} * 1024;

/// The recycler of one size; never destroyed, since buffers may die after the static objects.
/// Every block is pooled. No state: who gives back a block twice has released a buffer twice, and
/// its count of references tells.
template <std::size_t kSize>
Recycler<Block<kSize>>& recycler() {
  static auto& instance = *new Recycler<Block<kSize>>(
      [] { return Block<kSize>(); },
      {.max_capacity_per_thread = kMostWaiting / kSize, .ratio = 0, .guard = Guard::unchecked});
  return instance;
}

/// Calls f(recycler) with the one for `size`. @pre size <= kMostBlockSize.
template <class F>
auto with_recycler(std::size_t size, F f) {
  if (size <= 64) return f(recycler<64>());
  if (size <= 128) return f(recycler<128>());
  if (size <= 256) return f(recycler<256>());
  return f(recycler<kMostBlockSize>());
}

}  // namespace

void* take_block(std::size_t size) {
  if (size > kMostBlockSize) return ::operator new(size);
  return with_recycler(size, [](auto& of_size) -> void* { return &of_size.get_raw(); });
}

void give_block(void* block, std::size_t size) noexcept {
  if (size > kMostBlockSize) return ::operator delete(block);
  // What a Recycled does at its end.
  recycler::give_back_owned(block, *recycler::slot_of(block)->home);
}

}  // namespace tarn::detail
