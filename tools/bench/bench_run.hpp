// SPDX-License-Identifier: Apache-2.0
// A unit of a benchmark at work in a child process. Program tarn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/bench_block.hpp"
#include "bench/sampler.hpp"
#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

// What the cases are made of; bytes unless said otherwise.
inline constexpr std::size_t kBurst = 64;                               // objects
inline constexpr std::size_t kLeastSmall = 16, kMostSmall = 65536;      // window
inline constexpr std::size_t kLeastLarge = 4096, kMostLarge = 1 << 20;  // large-window
inline constexpr std::uint32_t kManyThreads = 64;
inline constexpr std::uint64_t kLifeAllocations = 600;  // of a thread, in churn

/// What a unit is to measure, and where its samples go.
///
/// Thread safety: one thread.
class BenchRun {
 public:
  BenchRun(const BenchRequest& request, BenchResult& result) noexcept
      : request_(request), result_(result) {}

  [[nodiscard]] bool is_tarn() const noexcept { return request_.role == BenchRole::tarn; }
  [[nodiscard]] bool is_peer() const noexcept { return request_.role == BenchRole::peer; }
  [[nodiscard]] bool is_floor() const noexcept { return request_.role == BenchRole::floor; }
  /// With the C library's malloc: what does not depend on malloc is measured there, once.
  [[nodiscard]] bool is_plain_malloc() const noexcept { return is_peer() && request_.plain_malloc; }
  [[nodiscard]] std::size_t size() const noexcept { return request_.size; }
  [[nodiscard]] const SampleSpec& spec() const noexcept { return request_.spec; }
  /// Samples `times` as long, for what varies more, or needs longer to begin.
  [[nodiscard]] SampleSpec spec_times(std::uint64_t times) const noexcept {
    return {request_.spec.sample_ns * times, request_.spec.samples};
  }

  /// Measures body(n), which does n operations and returns how many it did.
  template <class Body>
  void record(std::string_view name, Body body) {
    record_laps(name, spec(), [&](std::uint64_t n) { return timed(body, n); });
  }

  /// Measures lap(n), which does n operations and returns a Lap.
  template <class LapOf>
  void record_laps(std::string_view name, const SampleSpec& spec, LapOf lap) {
    try {
      keep_samples(name, measure(spec, std::move(lap)));
    } catch (const RunError& error) {
      throw RunError(concat(name, ": ", error.what()));
    }
  }

  void keep_samples(std::string_view name, const std::vector<double>& samples,
                    std::uint64_t objects_created = 0) {
    if (result_.measurement_count == BenchResult::kMaxMeasurements ||
        samples.size() > Measurement::kMaxSamples) {
      throw RunError(concat(name, ": no room for its samples"));
    }
    Measurement& measurement = result_.measurements[result_.measurement_count++];
    copy_text(measurement.name, name);
    measurement.objects_created = objects_created;
    measurement.sample_count = samples.size();
    std::copy(samples.begin(), samples.end(), measurement.samples.begin());
  }

 private:
  const BenchRequest& request_;
  BenchResult& result_;
};

// The units, by the files that they are in; bench_units.cpp has their names.
void run_pair(BenchRun& run);
void run_burst(BenchRun& run);
void run_window(BenchRun& run);
void run_large_window(BenchRun& run);
void run_two(BenchRun& run);
void run_many(BenchRun& run);
void run_cross(BenchRun& run);
void run_ping_pong(BenchRun& run);
void run_churn(BenchRun& run);
void run_recycler(BenchRun& run);
void run_recycler_ring(BenchRun& run);
void run_bytebuf_u32(BenchRun& run);
void run_bytebuf_slice(BenchRun& run);
void run_bytebuf_share(BenchRun& run);
void run_bytebuf_index_of(BenchRun& run);
void run_bytebuf_create(BenchRun& run);
void run_bytebuf_composite(BenchRun& run);

}  // namespace tarn::tools
