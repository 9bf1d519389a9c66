// SPDX-License-Identifier: Apache-2.0
// What a Recycler has done so far. Layer: recycler, public names.
#pragma once

#include <cstdint>

namespace tarn {

/// Counts of objects. At rest `created = destroyed + pooled + those that are out`; while threads
/// are at work each number is one that was true a moment ago, but they need not fit together.
///
/// What ends with its pool or by a trim counts as destroyed only.
struct RecyclerStats {
  std::uint64_t created = 0;
  std::uint64_t reused = 0;              ///< taken from a pool; all gets = created + reused
  std::uint64_t destroyed = 0;           ///< for whatever reason
  std::uint64_t pooled = 0;              ///< waiting now
  std::uint64_t dropped_full = 0;        ///< destroyed when recycled: the pool was full
  std::uint64_t dropped_closed = 0;      ///< the owner thread or the recycler had ended
  std::uint64_t dropped_noop = 0;        ///< the object was not one to be pooled
  std::uint64_t returned_by_others = 0;  ///< put into a pool by another thread; shared form: 0
};

}  // namespace tarn
