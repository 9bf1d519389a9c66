// SPDX-License-Identifier: Apache-2.0
// How many bytes a thread may keep, by what its slow steps cost it. Layer: pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tarn/detail/base/units.hpp"

namespace tarn::pool {

/// The bound in bytes of a thread cache's stocks, which begins small and grows where misses cost.
///
/// A thread's slow steps are refills from the arena, and regions that met a full stock. So many of
/// them make a window; the fewer allocations it took, the more it strains the bound
/// (docs/adr/0040-bounds-of-a-thread-cache.md has what was measured). Allocations are counted down,
/// as the thread counts them towards its next trim; a count may wrap.
///
/// Thread safety: none; the ThreadCache's lock.
class StockBound {
 public:
  /// Bytes that a thread may keep to begin with. What one class keeps another can't use; on the
  /// recorded traces this much serves 94 to 99 allocations in a hundred.
  static constexpr std::uint64_t kFirstBytes = 512 * base::kKiB;
  /// Slow steps of a window. At its end the thread sweeps, so half as many sweep what is used again
  /// soon, and cost time.
  static constexpr std::uint32_t kWindow = 128;
  /// A window in which a quarter of the steps or more were regions without room strains the bound
  /// when it is shorter than so many allocations a step; the shorter, the more.
  static constexpr std::uint32_t kStrainShare = 64;
  static constexpr std::uint32_t kThrashShare = 4;  ///< By 8, and the window thrashes.
  static constexpr std::uint32_t kBurstShare = 2;   ///< By 64: most allocations take a slow step.
  /// While windows thrash the bound doubles, within this part of what the thread's arenas have in
  /// use: a quarter. With an eighth postgres's trace misses 5.6 times in a hundred, not 4.2, and
  /// asio-chat's 1.8 times, not 1.3; with a third the peaks of postgres and nginx-proxy are above
  /// 1.3 times glibc's.
  static constexpr std::uint32_t kPartOfUse = 4;
  /// It also doubles, whatever is in use, when the strain of windows adds up to so much: after
  /// 65,536 slow steps that come seldom, or 1,024 that come all the time. By then the thread has
  /// spent up to 30 ms on them, and twice the memory is the cheaper.
  static constexpr std::uint32_t kMuchStrain = 512;

  /// Begins anew, with no more than `most` bytes, ever; `countdown`: allocations until some moment.
  void start(std::uint64_t most, std::uint32_t countdown) noexcept {
    most_ = most;
    bytes_ = least();
    strain_ = 0;
    start_window(countdown);
  }

  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }

  void note_refill() noexcept { ++refills_; }
  /// Regions met a full stock, which the bound in bytes did not let grow.
  void note_no_room(std::uint32_t regions) noexcept { no_room_ += regions; }
  /// One of these, of so many bytes, may not be kept at all.
  void note_passed_by(std::uint64_t bytes) noexcept {
    if (bytes <= bytes_) return;
    ++too_large_;
    largest_ = std::max(largest_, bytes);
  }

  [[nodiscard]] bool is_window_over() const noexcept { return refills_ + no_room_ >= kWindow; }
  void start_window(std::uint32_t countdown) noexcept {
    window_start_ = countdown;
    refills_ = 0;
    no_room_ = 0;
    too_large_ = 0;
    largest_ = 0;
  }
  /// Widens the bound if the window is worth it, and starts the next one.
  /// @param in_use bytes that the thread's arenas have in use.
  void end_window(std::uint32_t countdown, std::uint64_t in_use) noexcept {
    if (no_room_ >= kWindow / 4) widen(window_start_ - countdown, in_use);
    start_window(countdown);
  }

  /// Halves the bound when no more than a quarter of it was granted to stocks.
  void narrow(std::uint64_t granted) noexcept {
    if (granted < bytes_ / 4) bytes_ = std::max(least(), bytes_ / 2);
  }

 private:
  [[nodiscard]] std::uint64_t least() const noexcept { return std::min(kFirstBytes, most_); }

  /// What a window of so many allocations adds to the strain.
  [[nodiscard]] static constexpr std::uint32_t strain_of(std::uint32_t allocations) noexcept {
    if (allocations < kWindow * kBurstShare) return 64;
    if (allocations < kWindow * kThrashShare) return 8;
    return allocations < kWindow * kStrainShare ? 1 : 0;
  }

  void widen(std::uint32_t allocations, std::uint64_t in_use) noexcept {
    strain_ += strain_of(allocations);
    std::uint64_t wanted = bytes_;
    if (strain_ >= kMuchStrain) {
      strain_ = 0;
      wanted = 2 * bytes_;
    } else if (allocations < kWindow * kThrashShare) {
      wanted = std::min(2 * bytes_, in_use / kPartOfUse);
      // One region at least, however large, when such ones are what the load is made of.
      if (too_large_ >= kWindow / 4) wanted = std::max(wanted, largest_);
    }
    bytes_ = std::max(bytes_, std::min(wanted, most_));
  }

  std::uint64_t bytes_ = 0;
  std::uint64_t most_ = 0;
  // Since the window's start.
  std::uint32_t window_start_ = 0;  // the countdown then
  std::uint32_t refills_ = 0;
  std::uint32_t no_room_ = 0;
  std::uint32_t too_large_ = 0;  // of these, larger than the bound
  std::uint64_t largest_ = 0;    // of those, bytes
  std::uint32_t strain_ = 0;     // of windows, since the bound last doubled by it
};

}  // namespace tarn::pool
