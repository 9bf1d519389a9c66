// SPDX-License-Identifier: Apache-2.0
// What `tarn bench` can measure. Program tarn.
#include "bench/bench_units.hpp"

#include <algorithm>

namespace tarn::tools {

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

constexpr std::string_view kFromSynchronized = "pmr::synchronized_pool";
constexpr std::string_view kFromUnsynchronized = "pmr::unsynchronized_pool";

BenchUnit pair_unit() {
  BenchUnit unit{"pair",
                 {16, 32, 64, 256, 512, kKiB, 2 * kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB,
                  512 * kKiB, kMiB, 4 * kMiB},
                 run_pair,
                 {}};
  unit.groups = {
      {"", "a ByteBuf made and released; peers: malloc, free", "buffer", "malloc", "list", {}},
      {"/memory", "plain memory taken and given back", "memory", "malloc", "list", {}},
      {"/shared",
       "a ByteBuf; peers: make_shared_for_overwrite<std::byte[]>",
       "buffer",
       "shared",
       "list",
       {}},
      {"/resource",
       "PoolResource; peers: the library's, over malloc",
       "resource",
       "",
       "list",
       {{kFromSynchronized, BenchRole::peer, "pmr-sync"},
        {kFromUnsynchronized, BenchRole::peer, "pmr-unsync"}}},
      {"/touched",
       "a ByteBuf, its first 64 bytes written; peers: malloc, free",
       "buffer/touched",
       "malloc/touched",
       "list/touched",
       {}},
      {"/memory/touched",
       "plain memory, its first 64 bytes written",
       "memory/touched",
       "malloc/touched",
       "list/touched",
       {}},
      {"/shared/touched",
       "a ByteBuf, its first 64 bytes written; peers: make_shared_for_overwrite",
       "buffer/touched",
       "shared/touched",
       "list/touched",
       {}},
      {"/resource/touched",
       "PoolResource, the first 64 bytes written; peers: the library's",
       "resource/touched",
       "",
       "list/touched",
       {{kFromSynchronized, BenchRole::peer, "pmr-sync/touched"},
        {kFromUnsynchronized, BenchRole::peer, "pmr-unsync/touched"}}},
  };
  return unit;
}

}  // namespace

bool BenchUnit::needs(BenchRole role, bool plain_malloc) const {
  return std::any_of(groups.begin(), groups.end(), [&](const BenchGroup& group) {
    if (role == BenchRole::tarn) return !group.tarn.empty();
    const bool beside = std::any_of(group.beside.begin(), group.beside.end(),
                                    [&](const BenchBeside& other) { return other.from == role; });
    if (role == BenchRole::floor) return !group.floor.empty() || beside;
    return !group.mallocs.empty() || (plain_malloc && beside);
  });
}

const std::vector<BenchUnit>& bench_units() {
  static const std::vector<BenchUnit> kUnits = {pair_unit()};
  return kUnits;
}

const std::vector<BenchCase>& bench_cases() {
  static const std::vector<BenchCase> kCases = {
      {"pair", "one object in flight, taken and given back; 16 B to 4 MiB"},
  };
  return kCases;
}

const BenchUnit* find_bench_unit(std::string_view name) {
  const std::vector<BenchUnit>& units = bench_units();
  const auto found = std::find_if(units.begin(), units.end(),
                                  [&](const BenchUnit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

}  // namespace tarn::tools
