// SPDX-License-Identifier: Apache-2.0
// Any address leads to its chunk, or to none.
#include "tarn/detail/pool/chunk_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "support/fake_memory.hpp"
#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

using sizing::Geometry;

void* address(std::uintptr_t value) { return reinterpret_cast<void*>(value); }

TEST(ChunkMap, FindsAChunkByEveryAddressInIt) {
  const Geometry geometry{4096, 4};
  ChunkMap map(geometry.chunk_size());
  test::OwnChunk chunk(geometry);
  EXPECT_EQ(map.find(chunk.payload()), nullptr);
  ASSERT_TRUE(map.insert(chunk.get()));
  EXPECT_EQ(map.find(chunk.payload()), chunk.get());
  EXPECT_EQ(map.find(chunk.payload() + 4097), chunk.get());
  EXPECT_EQ(map.find(chunk.payload() + geometry.chunk_size() - 1), chunk.get());
  EXPECT_EQ(map.find(chunk.payload() + geometry.chunk_size()), nullptr);
  EXPECT_EQ(map.find(chunk.payload() - 1), nullptr);
  map.erase(chunk.get());
  EXPECT_EQ(map.find(chunk.payload()), nullptr);
}

TEST(ChunkMap, AnyAddressMayBeAskedFor) {
  for (const std::size_t chunk_size :
       {std::size_t{4096}, std::size_t{4} << 20, std::size_t{1} << 30}) {
    const ChunkMap map(chunk_size);
    int local = 0;
    EXPECT_EQ(map.find(nullptr), nullptr);
    EXPECT_EQ(map.find(&local), nullptr);
    for (unsigned bit = 0; bit < 64; ++bit) {
      EXPECT_EQ(map.find(address(std::uintptr_t{1} << bit)), nullptr);
      EXPECT_EQ(map.region_at(address((std::uintptr_t{1} << bit) - 1)), nullptr);
    }
    EXPECT_EQ(map.find(address(~std::uintptr_t{0})), nullptr);
  }
}

TEST(ChunkMap, LeadsToRegions) {
  const Geometry geometry{4096, 4};
  ChunkMap map(geometry.chunk_size());
  test::OwnChunk chunk(geometry);
  ASSERT_TRUE(map.insert(chunk.get()));
  Region region;
  const std::uint32_t page = chunk->take_run(4);
  region.data = chunk->page_address(page);
  chunk->bind_run(page, &region, 0);
  EXPECT_EQ(map.region_at(region.data), &region);
  EXPECT_EQ(map.region_at(region.data + 16), nullptr);
  map.erase(chunk.get());
  EXPECT_EQ(map.region_at(region.data), nullptr);
}

TEST(ChunkMap, ARefusedLeafChangesNothing) {
  const Geometry geometry{4096, 2};
  test::FakeMemory fake;
  fake.fill();
  ChunkMap map(geometry.chunk_size(), fake.source());
  const std::size_t mapped = fake.mapped_bytes();
  test::OwnChunk chunk(geometry);
  fake.refuse_all();
  EXPECT_FALSE(map.insert(chunk.get()));
  EXPECT_EQ(map.find(chunk.payload()), nullptr);
  EXPECT_EQ(fake.mapped_bytes(), mapped);
  fake.refuse_all(false);
  EXPECT_TRUE(map.insert(chunk.get()));
  EXPECT_EQ(map.find(chunk.payload()), chunk.get());
  map.erase(chunk.get());
}

TEST(ChunkMap, ARefusedRootIsBadAlloc) {
  test::FakeMemory fake;
  fake.refuse_all();
  EXPECT_THROW(ChunkMap(std::size_t{4} << 20, fake.source()), std::bad_alloc);
}

// The map never looks at a payload, so chunks may lie where nothing is mapped.
TEST(ChunkMap, RefusesAddressesOfMoreThan48Bits) {
  const Geometry geometry{4096, 4};
  ChunkMap map(geometry.chunk_size());
  test::Storage storage(Chunk::footprint(geometry));
  const std::uintptr_t size = geometry.chunk_size();
  auto* const last = static_cast<std::byte*>(address((std::uintptr_t{1} << 48) - size));
  Chunk* chunk = Chunk::create(storage.get(), geometry, last, nullptr);
  ASSERT_TRUE(map.insert(chunk));
  EXPECT_EQ(map.find(last + size - 1), chunk);
  map.erase(chunk);
  chunk->end();
  chunk = Chunk::create(storage.get(), geometry, last + size, nullptr);
  EXPECT_FALSE(map.insert(chunk));
  EXPECT_EQ(map.find(last + size), nullptr);
}

TEST(ChunkMapDeathTest, NoChunkIsErasedTwiceOrEnteredTwice) {
  const Geometry geometry{4096, 2};
  ChunkMap map(geometry.chunk_size());
  test::OwnChunk chunk(geometry);
  EXPECT_DEATH(map.erase(chunk.get()), "find");
  ASSERT_TRUE(map.insert(chunk.get()));
  EXPECT_DEATH(static_cast<void>(map.insert(chunk.get())), "nullptr");
}

// Goal: what one thread enters, another finds whole, while a third takes out and enters others.
// Method: chunks far apart, so that leaves are made at the same time; readers look into what they
// find. ThreadSanitizer checks the rest.
TEST(ChunkMap, ReadersNeedNoLock) {
  const Geometry geometry{4096, 2};
  constexpr std::size_t kChunks = 24;
  constexpr int kRounds = 200;
  ChunkMap map(geometry.chunk_size());
  std::vector<std::unique_ptr<test::Storage>> storages;
  std::vector<Chunk*> chunks;
  for (std::size_t i = 0; i < kChunks; ++i) {
    storages.push_back(std::make_unique<test::Storage>(Chunk::footprint(geometry)));
    // A leaf spans 2^31 bytes at this chunk size: six chunks share one.
    auto* const payload = static_cast<std::byte*>(
        address((std::uintptr_t{1} << 40) + (i / 6 << 33) + i * geometry.chunk_size()));
    chunks.push_back(Chunk::create(storages.back()->get(), geometry, payload, nullptr));
  }
  std::atomic<bool> done{false};
  std::atomic<std::size_t> found{0};
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int round = 0; round < kRounds; ++round) {
        for (std::size_t i = writer; i < kChunks; i += 2) ASSERT_TRUE(map.insert(chunks[i]));
        for (std::size_t i = writer; i < kChunks; i += 2) map.erase(chunks[i]);
      }
      for (std::size_t i = writer; i < kChunks; i += 2) ASSERT_TRUE(map.insert(chunks[i]));
    });
  }
  std::thread reader([&] {
    while (!done.load()) {
      for (Chunk* const chunk : chunks) {
        const std::byte* const inside = chunk->base() + 4097;
        const Chunk* const hit = map.find(inside);
        if (hit == nullptr) continue;
        ASSERT_EQ(hit, chunk);
        ASSERT_EQ(hit->entry_of(inside).regions, nullptr);
        found.fetch_add(1);
      }
    }
  });
  for (std::thread& thread : threads) thread.join();
  while (found.load() == 0) std::this_thread::yield();
  done.store(true);
  reader.join();
  for (Chunk* const chunk : chunks) EXPECT_EQ(map.find(chunk->base()), chunk);
}

}  // namespace
}  // namespace tarn::pool
