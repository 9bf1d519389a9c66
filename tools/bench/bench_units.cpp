// SPDX-License-Identifier: Apache-2.0
// What `tarn bench` can measure. Program tarn.
#include "bench/bench_units.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "common/text.hpp"

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

/// Taken as plain memory, the usual way of what is no buffer, and as ByteBufs; peers: malloc.
BenchUnit memory_and_buffer_unit(std::string_view name, std::vector<std::uint64_t> sizes,
                                 void (*run)(BenchRun&), std::string_view floor,
                                 std::string_view what) {
  return {name,
          std::move(sizes),
          run,
          {{"", concat("plain memory; ", what), "memory", "malloc", floor, {}},
           {"/buffer", concat("ByteBufs; ", what), "buffer", "malloc", floor, {}}}};
}

std::vector<BenchUnit> memory_units() {
  return {
      memory_and_buffer_unit("burst", {256, 16 * kKiB}, run_burst, "list",
                             "an object of 64 that are taken, then given back in that order"),
      memory_and_buffer_unit("window", {0}, run_window, "list",
                             "256 live of 16 B to 64 KiB, the oldest is replaced"),
      memory_and_buffer_unit("large-window", {0}, run_large_window, "list",
                             "256 live of 4 KiB to 1 MiB, the oldest is replaced"),
      memory_and_buffer_unit("two", {64, kKiB, 16 * kKiB, 256 * kKiB}, run_two, "list",
                             "two threads, each with one in flight"),
      memory_and_buffer_unit("many", {0}, run_many, "list", "64 threads, each with a window"),
      memory_and_buffer_unit("cross", {kKiB, 16 * kKiB, 256 * kKiB}, run_cross, "ring",
                             "one thread takes, another lets go, through a ring of 1024"),
      memory_and_buffer_unit("ping-pong", {kKiB, 16 * kKiB}, run_ping_pong, "ring",
                             "a question and its answer: each thread lets go what the other took"),
      memory_and_buffer_unit("churn", {0}, run_churn, "thread",
                             "a thread from start to end, with 600 allocations"),
  };
}

std::vector<BenchUnit> recycler_units() {
  const std::vector<BenchBeside> beside = {{"vector stack", BenchRole::floor, "vector"},
                                           {"exchange", BenchRole::floor, "exchange"}};
  return {
      {"recycler",
       {0},
       run_recycler,
       {{"", "get, Handle::recycle (guarded); peers: new, delete of 128 B", "guarded", "new",
         "list", beside},
        {"/owned", "get, end of the Recycled", "owned", "new", "list", beside},
        {"/unguarded", "get, Handle::unguarded_recycle", "unguarded", "new", "list", beside},
        {"/pinned", "pinned to its thread, unchecked", "pinned", "new", "list", beside},
        {"/shared", "one queue for all threads", "shared", "new", "list", beside}}},
      {"recycler/ring",
       {0},
       run_recycler_ring,
       {{"",
         "one thread gets, another recycles, through a ring of 1024 (ratio 1)",
         "owned",
         "new",
         "ring",
         {}}}},
  };
}

std::vector<BenchUnit> bytebuf_units() {
  return {
      {"bytebuf/u32",
       {0},
       run_bytebuf_u32,
       {{"",
         "16 numbers of 32 bits written and read; floor: on a raw pointer",
         "buffer",
         "",
         "pointer",
         {}},
        {"/array",
         "the same from and to an array at once",
         "buffer/array",
         "",
         "pointer/array",
         {}}}},
      {"bytebuf/slice",
       {0},
       run_bytebuf_slice,
       {{"", "a slice made and dropped; floor: a count up and down", "slice", "", "count", {}}}},
      {"bytebuf/share",
       {0},
       run_bytebuf_share,
       {{"",
         "shared by one thread, dropped by another, through a ring",
         "buffer",
         "",
         "ring",
         {{"std::shared_ptr", BenchRole::peer, "shared-ptr"},
          {"shared_ptr, 4 words", BenchRole::peer, "shared-ptr/window"}}}}},
      {"bytebuf/index-of",
       {64 * kKiB},
       run_bytebuf_index_of,
       {{"", "search for the last byte; floor: memchr", "index_of", "", "memchr", {}}}},
      {"bytebuf/create",
       {256, 64 * kKiB},
       run_bytebuf_create,
       {{"",
         "made and dropped; peers: make_shared_for_overwrite<std::byte[]>",
         "buffer",
         "shared",
         "list",
         {}}}},
      {"bytebuf/composite",
       {1, 16, 1024},
       run_bytebuf_composite,
       {{"",
         "a random byte of 64 KiB in so many components; floor: a raw pointer",
         "composite",
         "",
         "pointer",
         {{"one ByteBuf", BenchRole::tarn, "buffer"}}}}},
  };
}

/// In the order in which they are run and shown.
std::vector<BenchUnit> all_units() {
  std::vector<BenchUnit> all = {pair_unit()};
  for (auto units : {memory_units(), recycler_units(), bytebuf_units()}) {
    std::move(units.begin(), units.end(), std::back_inserter(all));
  }
  return all;
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
  static const std::vector<BenchUnit> units = all_units();
  return units;
}

const std::vector<BenchCase>& bench_cases() {
  static const std::vector<BenchCase> cases = {
      {"pair", "one object in flight, taken and given back; 16 B to 4 MiB"},
      {"burst", "64 objects taken, then all given back"},
      {"window", "256 live objects of 16 B to 64 KiB, the oldest replaced by another size"},
      {"large-window", "the same with 4 KiB to 1 MiB"},
      {"two", "two threads do pair at the same time"},
      {"many", "64 threads do window"},
      {"cross", "one thread allocates, another releases"},
      {"ping-pong", "two threads release what the other has allocated"},
      {"churn", "threads that live for 600 allocations"},
      {"recycler", "objects of 128 B got and recycled, by one thread and through a ring"},
      {"bytebuf", "typed access, slices, shares, search, composites"},
      {kTracesCase, "recorded traffic of servers: see tarn replay"},
  };
  return cases;
}

const BenchUnit* find_bench_unit(std::string_view name) {
  const std::vector<BenchUnit>& units = bench_units();
  const auto found = std::find_if(units.begin(), units.end(),
                                  [&](const BenchUnit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

}  // namespace tarn::tools
