// SPDX-License-Identifier: Apache-2.0
// What the parent and a child of `tarn bench` share. Program tarn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bench/sampler.hpp"
#include "common/shared_block.hpp"

namespace tarn::tools {

inline constexpr std::string_view kBenchWork = "bench";

/// Which of the contestants a child measures.
enum class BenchRole : std::uint8_t {
  tarn,
  peer,   // the process's malloc
  floor,  // what can't be done with less, and the machine's own operations
};

/// What a child is to do. At the start of its block, the BenchResult behind it.
struct alignas(64) BenchRequest {
  BenchRole role;
  bool plain_malloc;   // peer: the C library's, under which the standard library is measured too
  std::uint64_t size;  // 0: the unit has none
  SampleSpec spec;
  std::array<char, 32> unit;  // its name
  std::array<char, 512> preload;
};

/// The samples of one measurement, in nanoseconds an operation.
struct Measurement {
  static constexpr std::size_t kMaxSamples = 16;

  std::array<char, 32> name;
  std::uint64_t objects_created;  // where a case counts them; else 0
  std::uint64_t sample_count;
  std::array<double, kMaxSamples> samples;
};

/// How it went; zero until the child has ended.
struct alignas(64) BenchResult {
  static constexpr std::size_t kMaxMeasurements = 16;

  bool done;
  std::uint64_t measurement_count;
  std::array<Measurement, kMaxMeasurements> measurements;
  std::array<char, 512> fault;  // what went wrong; empty: nothing
};

static_assert(sizeof(BenchRequest) % alignof(BenchResult) == 0);
inline constexpr std::size_t kBenchBlockSize = sizeof(BenchRequest) + sizeof(BenchResult);

[[nodiscard]] inline BenchRequest& bench_request_of(const SharedBlock& block) {
  return block.at<BenchRequest>(0, 1)[0];
}
[[nodiscard]] inline BenchResult& bench_result_of(const SharedBlock& block) {
  return block.at<BenchResult>(sizeof(BenchRequest), 1)[0];
}

}  // namespace tarn::tools
