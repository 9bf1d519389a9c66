// SPDX-License-Identifier: Apache-2.0
// Tests of PurgeBatch. Layer: platform.
#include "platform/purge_batch.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ostream>
#include <vector>

#include "tarn/detail/platform/memory.hpp"

namespace tarn::platform {
namespace {

/// Pages full of sevens. Those that were given back read as 0.
class Pages {
 public:
  explicit Pages(std::size_t count) : size_(count * system_page_size()) {
    memory_ = static_cast<std::byte*>(
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(memory_, MAP_FAILED);
    std::memset(memory_, 7, size_);
  }
  ~Pages() { ::munmap(memory_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] std::byte* at(std::size_t page) const { return memory_ + page * page_size_; }
  /// Whether a page is whole, or gone whole.
  [[nodiscard]] bool is_kept(std::size_t page) const {
    const std::byte first = at(page)[0];
    for (std::size_t i = 0; i < page_size_; ++i) EXPECT_EQ(at(page)[i], first);
    return first == std::byte{7};
  }

 private:
  const std::size_t page_size_ = system_page_size();
  std::size_t size_;
  std::byte* memory_;
};

std::vector<std::size_t> asked;  // how many ranges at a time

/// As the system, and remembers.
long all(const iovec* ranges, std::size_t count) noexcept {
  asked.push_back(count);
  long bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    ::madvise(ranges[i].iov_base, ranges[i].iov_len, MADV_DONTNEED);
    bytes += static_cast<long>(ranges[i].iov_len);
  }
  return bytes;
}
/// Does the first only, as a system to which the second is not to be had.
long the_first(const iovec* ranges, std::size_t count) noexcept {
  static_cast<void>(all(ranges, 1));
  asked.back() = count;
  return static_cast<long>(ranges[0].iov_len);
}
long none(const iovec* /*ranges*/, std::size_t count) noexcept {
  asked.push_back(count);
  errno = EBADF;
  return -1;
}

struct System {
  const char* name;
  AdviseAll advise_all;
  friend void PrintTo(const System& system, std::ostream* out) { *out << system.name; }
};
class PurgeBatchTest : public testing::TestWithParam<System> {
 protected:
  void SetUp() override { asked.clear(); }
};

// With the system's call, too, whether this kernel has it or not.
INSTANTIATE_TEST_SUITE_P(, PurgeBatchTest,
                         testing::Values(System{"Own", purge_all}, System{"Whole", all},
                                         System{"Part", the_first}, System{"Refusing", none}),
                         [](const auto& system) { return system.param.name; });

TEST_P(PurgeBatchTest, GivesEveryRangeBackAndNothingElse) {
  // Every other page, in more ranges than go at once.
  constexpr std::size_t kRanges = 2 * PurgeBatch::kRanges + 3;
  const Pages pages(2 * kRanges);
  errno = 5;
  {
    PurgeBatch batch(GetParam().advise_all);
    for (std::size_t i = 0; i < kRanges; ++i) batch.add(pages.at(2 * i), system_page_size());
    EXPECT_TRUE(pages.is_kept(2 * kRanges - 2)) << "not before it has to";
  }
  EXPECT_EQ(errno, 5);
  for (std::size_t i = 0; i < 2 * kRanges; ++i) EXPECT_EQ(pages.is_kept(i), i % 2 == 1) << i;
  if (GetParam().advise_all != purge_all) {
    EXPECT_EQ(asked, (std::vector<std::size_t>{64, 64, 3}));
  }
}

TEST_P(PurgeBatchTest, OnlyWholePagesGo) {
  const Pages pages(8);
  PurgeBatch batch(GetParam().advise_all);
  batch.add(pages.at(0) + 1, 3 * system_page_size());
  batch.add(pages.at(4) + 1, system_page_size());
  batch.add(pages.at(5), 0);
  batch.add(pages.at(6), 2 * system_page_size() - 1);
  batch.flush();
  for (const std::size_t page : {0U, 3U, 4U, 5U, 7U}) EXPECT_TRUE(pages.is_kept(page)) << page;
  for (const std::size_t page : {1U, 2U, 6U}) EXPECT_FALSE(pages.is_kept(page)) << page;
}

TEST_P(PurgeBatchTest, CanBeUsedAgain) {
  const Pages pages(4);
  PurgeBatch batch(GetParam().advise_all);
  batch.add(pages.at(0), system_page_size());
  batch.flush();
  batch.flush();
  std::memset(pages.at(0), 7, system_page_size());
  batch.add(pages.at(2), system_page_size());
  batch.add(pages.at(3), system_page_size());
  batch.flush();
  EXPECT_TRUE(pages.is_kept(0)) << "it was given back once";
  EXPECT_FALSE(pages.is_kept(2));
  EXPECT_FALSE(pages.is_kept(3));
  if (GetParam().advise_all != purge_all) {
    EXPECT_EQ(asked, (std::vector<std::size_t>{2})) << "one range alone needs no batch";
  }
}

/// Says that it has done all, and does nothing: what goes all the same went range by range.
long pretends(const iovec* ranges, std::size_t count) noexcept {
  long bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<long>(ranges[i].iov_len);
  return bytes;
}

TEST(PurgeBatch, WhatTheOneCallHasDoneIsNotDoneAgain) {
  const Pages pages(4);
  PurgeBatch batch(pretends);
  for (int round = 0; round < 2; ++round) {
    batch.add(pages.at(0), system_page_size());
    batch.add(pages.at(2), system_page_size());
    batch.flush();
    EXPECT_TRUE(pages.is_kept(0)) << round;
    EXPECT_TRUE(pages.is_kept(2)) << round;
  }
}

/// Whether this system takes the call by the number that the kernel's headers give for this
/// process.
[[nodiscard]] bool has_the_call() {
  const Pages pages(1);
  const iovec probe{.iov_base = pages.at(0), .iov_len = system_page_size()};
  return ::syscall(SYS_process_madvise, -10000, &probe, 1, MADV_DONTNEED, 0U) >= 0;
}

TEST(PurgeAll, IsTakenByASystemThatHasTheCall) {
  const Pages pages(4);
  if (!has_the_call()) GTEST_SKIP() << "this kernel has no process_madvise for its own process";
  const iovec ranges[] = {{pages.at(0), system_page_size()}, {pages.at(2), system_page_size()}};
  EXPECT_EQ(purge_all(ranges, 2), static_cast<long>(2 * system_page_size()));
}

TEST(PurgeAll, ALockedRangeIsNoReasonNeverToAskAgain) {
  const Pages pages(4);
  if (!has_the_call()) GTEST_SKIP() << "this kernel has no process_madvise for its own process";
  // Past the sanitizers, which do nothing for mlock().
  if (::syscall(SYS_mlock, pages.at(0), system_page_size()) != 0) {
    GTEST_SKIP() << "no page may be locked";
  }
  const iovec ranges[] = {{pages.at(0), system_page_size()}, {pages.at(2), system_page_size()}};
  EXPECT_LT(purge_all(ranges, 2), static_cast<long>(2 * system_page_size()));
  ASSERT_EQ(::syscall(SYS_munlock, pages.at(0), system_page_size()), 0);
  EXPECT_EQ(purge_all(ranges, 2), static_cast<long>(2 * system_page_size()));
}

}  // namespace
}  // namespace tarn::platform
