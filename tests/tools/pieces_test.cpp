// SPDX-License-Identifier: Apache-2.0
// The program's small pieces: lists, peers, tables, text, statistics, rounds, progress, blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/exit_status.hpp"
#include "common/list.hpp"
#include "common/peers.hpp"
#include "common/progress.hpp"
#include "common/resident.hpp"
#include "common/rounds.hpp"
#include "common/shared_block.hpp"
#include "common/statistics.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "trace/crc32.hpp"

namespace tarn::tools {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Call>
std::string usage_error(Call call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing thrown";
}

/// A folder of this test alone (tests run at the same time, each in its own process), gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::path(testing::TempDir()) / "tarn_pieces_test.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const {
    std::ofstream(path_ / name) << "x";
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

TEST(List, KeepsTheOrderOfItsNames) {
  const std::vector<std::string> allowed = {"a", "b", "c"};
  EXPECT_THAT(parse_list("--x", "c,a", allowed), ElementsAre("c", "a"));
  EXPECT_THAT(parse_list("--x", "b", allowed), ElementsAre("b"));
}

TEST(List, NamesTheUnknownAndTheAllowed) {
  const std::vector<std::string> allowed = {"tarn", "malloc"};
  EXPECT_EQ(usage_error([&] { (void)parse_list("--x", "tarn,foo", allowed); }),
            "--x: 'foo' is not one of tarn, malloc");
  EXPECT_EQ(usage_error([&] { (void)parse_list("--x", "", allowed); }),
            "--x: '' is not one of tarn, malloc");
  EXPECT_EQ(usage_error([&] { (void)parse_list("--x", "tarn,", allowed); }),
            "--x: '' is not one of tarn, malloc");
  EXPECT_EQ(usage_error([&] { (void)parse_list("--x", "tarn,tarn", allowed); }),
            "--x: 'tarn' is there twice");
}

TEST(Peers, TellTheInstalledFromTheMissing) {
  const Folder folder;
  const std::string file = folder.file("libjemalloc.so.2");
  const Peers peers({folder.path()});
  std::vector<std::string> missing;
  const std::vector<std::string> names = {"mimalloc", "jemalloc", "tarn"};
  const std::vector<Peer> found = peers.find(names, missing);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "jemalloc");
  EXPECT_EQ(found[0].preload, file);
  EXPECT_EQ(found[1].name, "tarn");
  EXPECT_EQ(found[1].preload, "");
  EXPECT_THAT(missing, ElementsAre("mimalloc"));
  EXPECT_THAT(peers.names(),
              ElementsAre("tarn", "malloc", "jemalloc", "mimalloc", "tcmalloc", "tbb"));
}

TEST(Peers, TakeAnyLibraryByItsNameAndFile) {
  const Folder folder;
  const std::string file = folder.file("libmine.so");
  Peers peers(std::vector<fs::path>{});
  peers.add_preload("mine=" + file);
  peers.add_preload("jemalloc=" + file);
  peers.add_preload("mine=" + file);
  EXPECT_THAT(peers.added(), ElementsAre("mine", "jemalloc"));
  std::vector<std::string> missing;
  const std::vector<std::string> names = {"mine", "jemalloc"};
  const std::vector<Peer> found = peers.find(names, missing);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].preload, file);
  EXPECT_EQ(found[1].preload, file);
}

TEST(Peers, RefuseWhatCannotBePreloaded) {
  const Folder folder;
  const std::string file = folder.file("lib.so");
  const auto refusal = [](const std::string& preload) {
    return usage_error([&] { Peers(std::vector<fs::path>{}).add_preload(preload); });
  };
  EXPECT_THAT(refusal("mine"), HasSubstr("'mine' is not NAME=FILE"));
  EXPECT_THAT(refusal("=x"), HasSubstr("is not NAME=FILE"));
  EXPECT_THAT(refusal("x="), HasSubstr("is not NAME=FILE"));
  EXPECT_THAT(refusal("tarn=" + file), HasSubstr("'tarn' can't be the name"));
  EXPECT_THAT(refusal("a,b=" + file), HasSubstr("'a,b' can't be the name"));
  EXPECT_THAT(refusal("x=" + file + ".no"), HasSubstr("No such file"));
  EXPECT_THAT(refusal("x=" + folder.file("a b.so")), HasSubstr("a blank or a colon"));
}

TEST(Table, AlignsItsColumns) {
  Table table({{"name", Table::Align::left}, {"n", Table::Align::right}});
  table.add_row({"a", "1"});
  table.add_row({"\xc3\xa4\xc3\xb6", "1,000"});  // two characters in four bytes
  EXPECT_EQ(table.to_string(),
            "name      n\n"
            "----  -----\n"
            "a         1\n"
            "\xc3\xa4\xc3\xb6    1,000\n");
  EXPECT_THROW(table.add_row({"too few"}), std::invalid_argument);
}

TEST(Text, ShowsNumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(bytes_text(2516582), "2.4 MiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(fixed(2.345, 1), "2.3");
  EXPECT_EQ(concat("a", 1, 'b', std::string("c"), 2U), "a1bc2");
}

TEST(Statistics, MedianIsTheMiddle) {
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(minimum({4, 1, 3}), 1);
}

TEST(Rounds, AlternateBetweenContestants) {
  std::string order;
  run_interleaved(2, 3, [&](std::size_t contestant, std::size_t round) {
    order += concat(contestant == 0 ? 'a' : 'b', round);
  });
  EXPECT_EQ(order, "a0b0a1b1a2b2");
}

TEST(Progress, LineShowsTheShareDone) {
  EXPECT_EQ(progress_line(0, 4, "x"), "[" + std::string(30, '.') + "] 0% x");
  EXPECT_EQ(progress_line(2, 4, "y"),
            "[" + std::string(15, '#') + std::string(15, '.') + "] 50% y");
  EXPECT_EQ(progress_line(4, 4, ""), "[" + std::string(30, '#') + "] 100% ");
}

TEST(Crc32, IsTheIeeeOne) {
  const std::array<std::uint8_t, 9> text{'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  Crc32 crc;
  crc.add(text);
  EXPECT_EQ(crc.value(), 0xcbf43926U);
  EXPECT_EQ(Crc32().value(), 0U);
}

TEST(SharedBlock, IsTheSameMemoryThroughItsDescriptor) {
  const SharedBlock block = SharedBlock::create(100);
  block.at<std::uint32_t>(8, 2)[1] = 77;
  const SharedBlock again = SharedBlock::adopt(::dup(block.fd()));
  EXPECT_EQ(again.size(), 100U);
  EXPECT_EQ(again.at<std::uint32_t>(8, 2)[1], 77U);
}

TEST(SharedBlock, RefusesWhatLiesOutside) {
  const SharedBlock block = SharedBlock::create_private(100);
  EXPECT_NO_THROW((void)block.at<std::uint64_t>(0, 12));
  EXPECT_THROW((void)block.at<std::uint64_t>(0, 13), RunError);
  EXPECT_THROW((void)block.at<std::uint64_t>(104, 0), RunError);
  EXPECT_THROW((void)block.at<std::uint64_t>(4, 1), RunError) << "misaligned";
  EXPECT_THROW((void)block.at<std::uint64_t>(8, SIZE_MAX), RunError);
}

TEST(ResidentMemory, CountsWhatIsTouchedAndNotSharedBlocks) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  const ResidentMemory resident;
  const std::uint64_t before = resident.bytes();
  const SharedBlock block = SharedBlock::create_private(kBytes);  // resident, but not anonymous
  EXPECT_LT(resident.bytes(), before + kBytes / 4);
  std::vector<char> memory(kBytes, 'x');
  EXPECT_GT(resident.bytes(), before + kBytes * 3 / 4);
  EXPECT_EQ(memory[kBytes / 2], 'x');
}

}  // namespace
}  // namespace tarn::tools
