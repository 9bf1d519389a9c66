// SPDX-License-Identifier: Apache-2.0
// Times an operation: how many make a sample, warm-up, samples, and whether the work was done.
// Program tarn.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

/// What one sample has taken, and what was done in it: a body counts the objects that it has seen.
struct Lap {
  std::uint64_t ns;
  std::uint64_t done;
};

/// How much is measured.
struct SampleSpec {
  std::uint64_t sample_ns;  // a sample takes at least about that
  std::uint32_t samples;
};

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline std::uint64_t ns_between(Clock::time_point start, Clock::time_point end) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
}

/// A lap of body(n), which does n operations and returns how many it did.
template <class Body>
[[nodiscard]] Lap timed(Body&& body, std::uint64_t n) {
  const auto start = Clock::now();
  const std::uint64_t done = body(n);
  return {ns_between(start, Clock::now()), done};
}

/// Times laps: lap(n) does n operations.
template <class LapOf>
class Sampler {
 public:
  Sampler(const SampleSpec& spec, LapOf lap) : spec_(spec), lap_(std::move(lap)) {}

  /// Samples in nanoseconds an operation; see measure().
  [[nodiscard]] std::vector<double> run() {
    std::uint64_t n = rough_count();
    // What was met with cold memory takes less time from here on than it has let expect.
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const std::uint64_t ns = shortest_of(n, 2);
      if (ns * 2 >= spec_.sample_ns) break;
      n = count_for(ns, n);
    }
    std::vector<double> samples;
    samples.reserve(spec_.samples);
    for (std::uint32_t i = 0; i < spec_.samples; ++i) {
      samples.push_back(static_cast<double>(lap_of(n)) / static_cast<double>(n));
    }
    return samples;
  }

 private:
  static constexpr int kAttempts = 4;
  // A lap that takes no time at so many operations does nothing.
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 40;

  std::uint64_t lap_of(std::uint64_t n) {
    const Lap taken = lap_(n);
    if (taken.done != n) throw RunError(concat("did ", taken.done, " of ", n, " operations"));
    return taken.ns;
  }

  /// The shortest of some laps: one alone may have been interrupted, and nothing tells that from
  /// operations that take so long.
  std::uint64_t shortest_of(std::uint64_t n, int laps) {
    std::uint64_t shortest = lap_of(n);
    for (int i = 1; i < laps; ++i) shortest = std::min(shortest, lap_of(n));
    return shortest;
  }

  [[nodiscard]] bool is_quarter(std::uint64_t ns) const noexcept {
    return ns != 0 && ns * 4 >= spec_.sample_ns;
  }

  /// How many take a quarter of a sample, scaled up to a whole one.
  std::uint64_t rough_count() {
    constexpr int kLaps = 4;  // that each look long before it is believed
    for (std::uint64_t n = 1; n < kMost; n *= 2) {
      if (!is_quarter(lap_of(n))) continue;
      const std::uint64_t ns = shortest_of(n, kLaps);
      if (is_quarter(ns)) return count_for(ns, n);
    }
    throw RunError("takes no time: nothing is measured");
  }

  [[nodiscard]] std::uint64_t count_for(std::uint64_t ns, std::uint64_t n) const {
    const double operations = static_cast<double>(spec_.sample_ns) * static_cast<double>(n) /
                              static_cast<double>(ns == 0 ? 1 : ns);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(operations));
  }

  const SampleSpec spec_;
  LapOf lap_;
};

/// Samples of lap(n), which does n operations, in nanoseconds an operation.
///
/// n starts at 1 and grows until laps take a quarter of a sample; it is then set so that one takes
/// a whole one. That, and at least two laps more that are not counted, is the warm-up.
/// @errors RunError when a lap has not done all of its work: what it measures is another thing.
template <class LapOf>
[[nodiscard]] std::vector<double> measure(const SampleSpec& spec, LapOf lap) {
  return Sampler<LapOf>(spec, std::move(lap)).run();
}

}  // namespace tarn::tools
