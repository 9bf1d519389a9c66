// SPDX-License-Identifier: Apache-2.0
// How a Recycler is set up. Layer: recycler, public names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tarn {

/// Whether misuse is looked for: an object recycled twice, or by another object's handle.
enum class Guard : std::uint8_t {
  checked,    ///< Found and reported; each object carries a state.
  unchecked,  ///< Not looked for; objects carry no state.
};

/// Who shares a pool.
enum class RecyclerForm : std::uint8_t {
  per_thread,  ///< Each thread has its own.
  pinned,      ///< One, for the thread that made the recycler; no thread-local look-up.
  shared,      ///< One queue for all threads; no thread-locals.
};

/// The settings of a Recycler. What is out of range is brought into it, see Recycler::options().
struct RecyclerOptions {
  /// Objects that may wait in a pool, a batch of chunk_size on top of it excluded. 0: nothing is
  /// pooled; 1 to 3 mean 4. Memory is taken as objects come.
  std::size_t max_capacity_per_thread = 4096;
  /// Of a thread's new objects the first, and then every ratio-th is pooled, so that a burst can't
  /// fill the pool. 0 and 1: every one.
  std::uint32_t ratio = 8;
  /// Objects in the owner's batch, and those taken over from the queue at once. Kept within 2 and
  /// max_capacity_per_thread / 2.
  std::size_t chunk_size = 32;
  /// A queue guarded by a mutex instead of the lock-free one, for debugging.
  bool blocking = false;
  /// Only threads in a FastThreadScope have a batch; the others use the queue for all they recycle.
  bool batch_fast_threads_only = false;
  Guard guard = Guard::checked;
  RecyclerForm form = RecyclerForm::per_thread;

  /// The defaults, changed by the environment variables TARN_RECYCLER_MAX_CAPACITY_PER_THREAD (when
  /// unset or unreadable: TARN_RECYCLER_MAX_CAPACITY; negative: 4096), _RATIO (negative: 0),
  /// _CHUNK_SIZE (negative: 2), _BLOCKING and _BATCH_FAST_THREADS_ONLY.
  [[nodiscard]] static RecyclerOptions from_environment();
};

namespace recycler {

/// `wanted` with every setting brought into its range.
[[nodiscard]] RecyclerOptions in_force(RecyclerOptions wanted) noexcept;

/// All settings as name=value.
[[nodiscard]] std::string describe(const RecyclerOptions& options);

}  // namespace recycler
}  // namespace tarn
