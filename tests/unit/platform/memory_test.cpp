// SPDX-License-Identifier: Apache-2.0
// What the system gives: aligned, writable, and really taken back.
#include "tarn/detail/platform/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_memory.hpp"
#include "support/resident_pages.hpp"
#include "support/sanitizer_options.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::platform {
namespace {

using base::kKiB;
using base::kMiB;
using test::resident_pages;

bool is_aligned(const void* memory, std::size_t alignment) {
  return base::is_aligned(reinterpret_cast<std::uintptr_t>(memory), alignment);
}

bool is_mapped(const void* memory) {
  const auto at = base::align_down(reinterpret_cast<std::uintptr_t>(memory), system_page_size());
  unsigned char state = 0;
  return ::mincore(reinterpret_cast<void*>(at), system_page_size(), &state) == 0;
}

/// Bytes of address space in use, from /proc/self/statm.
std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * system_page_size();
}

/// A mapping of the system that ends with its scope.
class Mapped {
 public:
  Mapped(std::size_t size, std::size_t alignment, MemoryKind kind)
      : size_(size), alignment_(alignment), kind_(kind) {
    const MemorySource source = system_memory();
    memory_ = static_cast<unsigned char*>(source.map(source.context, size, alignment, kind));
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() { unmap(); }

  void unmap() {
    if (memory_ == nullptr) return;
    const MemorySource source = system_memory();
    source.unmap(source.context, memory_, size_, alignment_, kind_);
    memory_ = nullptr;
  }
  [[nodiscard]] unsigned char* get() const { return memory_; }

 private:
  std::size_t size_;
  std::size_t alignment_;
  MemoryKind kind_;
  unsigned char* memory_;
};

TEST(Memory, SystemPageIsThatOfTheKernel) {
  EXPECT_EQ(system_page_size(), static_cast<std::size_t>(::getpagesize()));
  EXPECT_TRUE(base::is_power_of_two(system_page_size()));
}

class MemoryOfKind : public testing::TestWithParam<MemoryKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, MemoryOfKind, testing::Values(MemoryKind::heap, MemoryKind::direct),
                         [](const auto& parameters) {
                           return parameters.param == MemoryKind::heap ? "heap" : "direct";
                         });

TEST_P(MemoryOfKind, IsAlignedAndWritableToItsEnds) {
  for (std::size_t alignment = 16; alignment <= 64 * kMiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, 100 * kKiB + 1, 4 * kMiB}) {
      const Mapped mapped(size, alignment, GetParam());
      ASSERT_NE(mapped.get(), nullptr);
      EXPECT_TRUE(is_aligned(mapped.get(), alignment)) << size << " to " << alignment;
      mapped.get()[0] = 1;
      mapped.get()[size - 1] = 2;
    }
  }
}

TEST_P(MemoryOfKind, MappingsThatLiveTogetherDoNotOverlap) {
  constexpr std::size_t kCount = 8;
  constexpr std::size_t kSize = kMiB;
  std::vector<std::unique_ptr<Mapped>> mappings;
  for (std::size_t i = 0; i < kCount; ++i) {
    mappings.push_back(std::make_unique<Mapped>(kSize, kSize, GetParam()));
    ASSERT_NE(mappings.back()->get(), nullptr);
    std::memset(mappings.back()->get(), static_cast<int>(i), kSize);
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(mappings[i]->get()[0], i);
    EXPECT_EQ(mappings[i]->get()[kSize - 1], i);
  }
}

TEST_P(MemoryOfKind, GivesItsPagesBack) {
  constexpr std::size_t kSize = 4 * kMiB;
  // The C library takes its first large blocks from mmap and later ones from its heap: with several
  // rounds both ways are taken.
  for (int round = 0; round < 4; ++round) {
    Mapped mapped(kSize, kSize, GetParam());
    ASSERT_NE(mapped.get(), nullptr);
    std::memset(mapped.get(), 1, kSize);
    const unsigned char* const memory = mapped.get();
    ASSERT_EQ(resident_pages(memory, kSize), kSize / system_page_size());
    mapped.unmap();
    // The C library may write its own marks into what it keeps: a page at each end.
    EXPECT_LE(resident_pages(memory, kSize), 2U) << "round " << round;
  }
}

TEST_P(MemoryOfKind, RefusesWhatCannotBe) {
  const std::uint64_t failures = unmap_failures();
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2, std::size_t{1} << 60}) {
    for (const std::size_t alignment : {std::size_t{16}, 4 * kMiB}) {
      EXPECT_EQ(Mapped(size, alignment, GetParam()).get(), nullptr) << size;
    }
  }
  EXPECT_EQ(unmap_failures(), failures);
}

TEST_P(MemoryOfKind, OfNoBytesIsStillAMapping) {
  const Mapped one(0, 16, GetParam());
  const Mapped other(0, 16, GetParam());
  EXPECT_NE(one.get(), nullptr);
  EXPECT_NE(one.get(), other.get());
}

TEST(Memory, TrimsWhatAlignmentTookTooMuch) {
  constexpr std::size_t kSize = 64 * kKiB;
  constexpr std::size_t kAlignment = 64 * kMiB;
  const std::size_t before = address_space();
  {
    const Mapped first(kSize, kAlignment, MemoryKind::direct);
    const Mapped second(kSize, kAlignment, MemoryKind::direct);
    EXPECT_LT(address_space(), before + kAlignment) << "the slack is still mapped";
    EXPECT_TRUE(is_mapped(first.get() + kSize - 1));
  }
  EXPECT_LE(address_space(), before + kMiB);
}

TEST(Memory, ADirectMappingIsGoneAfterUnmap) {
  Mapped mapped(4 * kMiB, 4 * kMiB, MemoryKind::direct);
  unsigned char* const memory = mapped.get();
  ASSERT_TRUE(is_mapped(memory));
  mapped.unmap();
  EXPECT_FALSE(is_mapped(memory));
  EXPECT_FALSE(is_mapped(memory + 4 * kMiB - 1));
}

// An unaligned address is what munmap always refuses.
TEST(Memory, CountsAnUnmapThatTheSystemRefuses) {
  const Mapped mapped(system_page_size(), 16, MemoryKind::direct);
  const MemorySource source = system_memory();
  const std::uint64_t before = unmap_failures();
  source.unmap(source.context, mapped.get() + 16, system_page_size(), 16, MemoryKind::direct);
  EXPECT_EQ(unmap_failures(), before + 1);
  EXPECT_TRUE(is_mapped(mapped.get()));
}

TEST(MemoryDeathTest, RefusesAnAlignmentThatIsNoPowerOfTwo) {
  EXPECT_DEATH(Mapped(4096, 48, MemoryKind::direct), "is_power_of_two");
}

TEST(Purge, DropsWholePagesInsideAndNothingElse) {
  const std::size_t page = system_page_size();
  const Mapped mapped(8 * page, 16, MemoryKind::direct);
  unsigned char* const memory = mapped.get();
  const auto write = [&] { std::memset(memory, 7, 8 * page); };
  // Which bytes are still 7 after a purge of [begin, end).
  const auto expect_kept_outside = [&](std::size_t begin, std::size_t end,
                                       std::size_t first_dropped, std::size_t last_dropped) {
    write();
    purge(memory + begin, end - begin);
    for (std::size_t i = 0; i < 8 * page; ++i) {
      const bool dropped = i >= first_dropped && i < last_dropped;
      ASSERT_EQ(memory[i], dropped ? 0 : 7) << i << " of " << begin << " to " << end;
    }
  };
  expect_kept_outside(0, 8 * page, 0, 8 * page);
  expect_kept_outside(1, 8 * page - 1, page, 7 * page);
  expect_kept_outside(page - 1, 2 * page, page, 2 * page);
  expect_kept_outside(page, 2 * page + 1, page, 2 * page);
  expect_kept_outside(1, page - 1, 0, 0);         // inside one page
  expect_kept_outside(page / 2, page + 1, 0, 0);  // across an edge, no whole page
  expect_kept_outside(3 * page, 3 * page, 0, 0);  // nothing
}

TEST(Populate, BringsInThePagesThatTheRangeLiesIn) {
  const std::size_t page = system_page_size();
  const Mapped mapped(8 * page, 16, MemoryKind::direct);
  unsigned char* const memory = mapped.get();
  ASSERT_EQ(resident_pages(memory, 8 * page), 0U);
  memory[2 * page] = 7;
  if (!test::can_populate()) GTEST_SKIP() << "this kernel has no MADV_POPULATE_WRITE";
  populate(memory + page + 1, 4 * page - 2);
  EXPECT_EQ(resident_pages(memory, page), 0U);
  EXPECT_EQ(resident_pages(memory + page, 4 * page), 4U);
  EXPECT_EQ(resident_pages(memory + 5 * page, 3 * page), 0U);
  EXPECT_EQ(memory[2 * page], 7);
  EXPECT_EQ(memory[3 * page], 0);
  populate(memory + 6 * page - 1, 2);
  EXPECT_EQ(resident_pages(memory + 5 * page, 3 * page), 2U) << "both that it touches";
  populate(memory, 0);
  EXPECT_EQ(resident_pages(memory, page), 0U) << "of nothing";
}

TEST(Populate, ARefusalChangesNothing) {
  const std::size_t page = system_page_size();
  unsigned char* memory = nullptr;
  {
    const Mapped mapped(page, 16, MemoryKind::direct);
    memory = mapped.get();
  }
  ASSERT_FALSE(is_mapped(memory));
  errno = EAGAIN;
  populate(memory, page);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(is_mapped(memory));
}

TEST(Collapse, PutsHugePagesUnderWhatIsThere) {
  const std::size_t page = system_page_size();
  constexpr std::size_t kSize = 4 * kMiB;
  const Mapped mapped(kSize, 2 * kMiB, MemoryKind::direct);
  unsigned char* const memory = mapped.get();
  memory[5 * page] = 7;
  memory[kSize - 1] = 8;
  if (!test::can_collapse()) GTEST_SKIP() << "this system has no huge pages to give";
  errno = EAGAIN;
  EXPECT_TRUE(collapse(memory, kSize));
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(resident_pages(memory, kSize), kSize / page);
  EXPECT_EQ(memory[5 * page], 7);
  EXPECT_EQ(memory[kSize - 1], 8);
  EXPECT_EQ(memory[kSize / 2], 0);
}

TEST(Collapse, ARefusalChangesNothing) {
  const std::size_t page = system_page_size();
  const Mapped mapped(page, 16, MemoryKind::direct);
  mapped.get()[1] = 7;
  errno = EAGAIN;
  EXPECT_FALSE(collapse(mapped.get(), page));  // less than a huge page
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(mapped.get()[1], 7);
}

using test::FakeMemory;

TEST(FakeMemory, CountsWhatIsMapped) {
  FakeMemory fake;
  const MemorySource source = fake.source();
  void* const one = source.map(source.context, 4096, 4096, MemoryKind::direct);
  void* const other = source.map(source.context, 8192, 64, MemoryKind::heap);
  EXPECT_EQ(fake.mapped_bytes(), 12288U);
  EXPECT_EQ(fake.mappings(), 2U);
  source.unmap(source.context, one, 4096, 4096, MemoryKind::direct);
  source.unmap(source.context, other, 8192, 64, MemoryKind::heap);
  EXPECT_EQ(fake.mapped_bytes(), 0U);
  EXPECT_EQ(fake.mappings(), 0U);
  EXPECT_EQ(fake.peak_bytes(), 12288U);
  EXPECT_EQ(fake.maps(), 2U);
  EXPECT_EQ(fake.unmaps(), 2U);
}

TEST(FakeMemory, RefusesWhenTold) {
  FakeMemory fake;
  fake.allow_leaks();
  const auto is_served = [source = fake.source()] {
    void* const memory = source.map(source.context, 4096, 16, MemoryKind::direct);
    if (memory == nullptr) return false;
    source.unmap(source.context, memory, 4096, 16, MemoryKind::direct);
    return true;
  };
  fake.refuse_nth(2);
  EXPECT_TRUE(is_served());
  EXPECT_FALSE(is_served());
  EXPECT_TRUE(is_served());
  fake.refuse_all();
  EXPECT_FALSE(is_served());
  EXPECT_FALSE(is_served());
  fake.refuse_all(false);
  fake.limit_bytes(4095);
  EXPECT_FALSE(is_served());
  fake.limit_bytes(4096);
  EXPECT_TRUE(is_served());
  EXPECT_EQ(fake.refusals(), 4U);
}

TEST(FakeMemory, FillsWhenTold) {
  FakeMemory fake;
  fake.fill();
  const MemorySource source = fake.source();
  auto* const memory =
      static_cast<unsigned char*>(source.map(source.context, 4096, 16, MemoryKind::direct));
  EXPECT_EQ(memory[0], FakeMemory::kFresh);
  EXPECT_EQ(memory[4095], FakeMemory::kFresh);
  source.unmap(source.context, memory, 4096, 16, MemoryKind::direct);
}

TEST(FakeMemoryDeathTest, EndsTheProgramAtAWrongUnmap) {
  const auto unmap = [](std::size_t size, std::size_t alignment, MemoryKind kind) {
    FakeMemory fake;
    const MemorySource source = fake.source();
    void* const memory = source.map(source.context, 4096, 16, MemoryKind::direct);
    source.unmap(source.context, memory, size, alignment, kind);
  };
  EXPECT_DEATH(unmap(8192, 16, MemoryKind::direct), "check failed");
  EXPECT_DEATH(unmap(4096, 32, MemoryKind::direct), "check failed");
  EXPECT_DEATH(unmap(4096, 16, MemoryKind::heap), "check failed");
  unmap(4096, 16, MemoryKind::direct);
}

TEST(FakeMemoryDeathTest, EndsTheProgramAtALeak) {
  EXPECT_DEATH(
      {
        FakeMemory fake;
        const MemorySource source = fake.source();
        static_cast<void>(source.map(source.context, 4096, 16, MemoryKind::direct));
      },
      "check failed: leaks_allowed_");
}

TEST(FakeMemory, ServesSeveralThreads) {
  FakeMemory fake;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([source = fake.source()] {
      for (int i = 0; i < 50; ++i) {
        void* const memory = source.map(source.context, 4096, 16, MemoryKind::direct);
        source.unmap(source.context, memory, 4096, 16, MemoryKind::direct);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fake.maps(), 200U);
  EXPECT_EQ(fake.mapped_bytes(), 0U);
}

}  // namespace
}  // namespace tarn::platform
