// SPDX-License-Identifier: Apache-2.0
// What tests of the pool's lower parts share: seeded randomness, chunks and subpages of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "pool/subpage.hpp"
#include "tarn/detail/pool/chunk.hpp"
#include "tarn/detail/sizing/size_classes.hpp"

namespace tarn::test {

/// Random numbers; another sequence with --gtest_random_seed.
class Random {
 public:
  explicit Random(unsigned salt = 0)
      : engine_(static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) + 1 + salt) {
  }

  /// Any of 0 .. bound - 1.
  [[nodiscard]] std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(engine_);
  }
  [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937 engine_;
};

/// Zeroed or reused memory for the metadata of something, aligned to a cache line.
class Storage {
 public:
  explicit Storage(std::size_t size) : words_(size / sizeof(Word) + 1) {}
  [[nodiscard]] void* get() { return words_.data(); }

 private:
  struct alignas(64) Word {
    std::byte bytes[64]{};
  };
  std::vector<Word> words_;
};

/// A chunk with payload and metadata of its own, of no arena.
class OwnChunk {
 public:
  explicit OwnChunk(const sizing::Geometry& geometry)
      : payload_(static_cast<std::byte*>(::operator new (geometry.chunk_size(),
                                                         std::align_val_t{geometry.chunk_size()})),
                 Free{geometry.chunk_size()}),
        storage_(pool::Chunk::footprint(geometry)),
        chunk_(pool::Chunk::create(storage_.get(), geometry, payload_.get(), nullptr)) {}

  [[nodiscard]] pool::Chunk& operator*() const { return *chunk_; }
  [[nodiscard]] pool::Chunk* operator->() const { return chunk_; }
  [[nodiscard]] pool::Chunk* get() const { return chunk_; }
  [[nodiscard]] std::byte* payload() const { return payload_.get(); }
  [[nodiscard]] void* storage() { return storage_.get(); }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* memory) const {
      ::operator delete (memory, std::align_val_t{alignment});
    }
  };

  std::unique_ptr<std::byte, Free> payload_;
  Storage storage_;
  pool::Chunk* chunk_;
};

}  // namespace tarn::test
