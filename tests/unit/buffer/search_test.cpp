// SPDX-License-Identifier: Apache-2.0
// Tests of search, comparison and hash across segments, against std::string.
#include "tarn/detail/buffer/search.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/buffer_variants.hpp"
#include "support/byte_segments.hpp"

namespace tarn::detail {
namespace {

using testing_support::Segments;

std::span<const std::byte> bytes_in(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A text of two letters, in which partial matches are everywhere.
std::string two_letters(std::size_t n, std::mt19937_64& random) {
  std::string text(n, 'a');
  for (char& c : text) c = random() % 3 == 0 ? 'b' : 'a';
  return text;
}

// Goal: every needle is found where std::string finds it, forwards and backwards, in every
// subrange, whether it crosses segments or not.
TEST(Search, FindsSequencesWhereAStringDoes) {
  auto random = testing_support::random_numbers();
  for (int round = 0; round < 300; ++round) {
    const std::string text = two_letters(1 + random() % 40, random);
    const std::string wanted = two_letters(random() % 6, random);
    const std::size_t from = random() % (text.size() + 1);
    const std::size_t n = random() % (text.size() - from + 1);
    const std::string part = text.substr(from, n);
    const auto expected = [from](std::size_t found) {
      return found == std::string::npos ? kNotFound : from + found;
    };
    const Segments segments(text);
    const SpanSource one(bytes_in(text));
    for (SourceRange range : {segments.range(from, n), one.range()}) {
      range.index = from;
      range.size = n;
      ASSERT_EQ(find_sequence(range, bytes_in(wanted)), expected(part.find(wanted)))
          << '"' << wanted << "\" in \"" << part << '"';
      ASSERT_EQ(find_last_sequence(range, bytes_in(wanted)), expected(part.rfind(wanted)))
          << '"' << wanted << "\" in \"" << part << '"';
      const char letter = random() % 4 == 0 ? 'c' : 'b';
      const auto byte = static_cast<std::byte>(letter);
      ASSERT_EQ(find_byte(range, byte), expected(part.find(letter))) << part;
      ASSERT_EQ(find_last_byte(range, byte), expected(part.rfind(letter))) << part;
    }
  }
}

TEST(Search, FindsSequencesLongerThanTheInlineTable) {
  auto random = testing_support::random_numbers();
  for (int round = 0; round < 50; ++round) {
    const std::string text = two_letters(600, random);
    const std::size_t at = random() % 400;
    std::string wanted = text.substr(at, 65 + random() % 100);
    const Segments segments(text);
    ASSERT_EQ(find_sequence(segments.range(0, 600), bytes_in(wanted)), text.find(wanted));
    ASSERT_EQ(find_last_sequence(segments.range(0, 600), bytes_in(wanted)), text.rfind(wanted));
    wanted.back() = 'x';
    ASSERT_EQ(find_sequence(segments.range(0, 600), bytes_in(wanted)), kNotFound);
    ASSERT_EQ(find_last_sequence(segments.range(0, 600), bytes_in(wanted)), kNotFound);
  }
}

TEST(Search, ComparesAsUnsignedBytesAcrossSegments) {
  auto random = testing_support::random_numbers();
  for (int round = 0; round < 300; ++round) {
    const std::string a = two_letters(random() % 12, random);
    const std::string b = two_letters(random() % 12, random);
    const Segments first(a);
    const SpanSource second(bytes_in(b));
    const SourceRange left = first.range(0, a.size());
    const SourceRange right = second.range();
    ASSERT_EQ(compare(left, right) < 0, a < b) << a << ' ' << b;
    ASSERT_EQ(compare(right, left) < 0, b < a) << a << ' ' << b;
    ASSERT_EQ(equal(left, right), a == b) << a << ' ' << b;
  }
  const std::string low_text = "\x7F";
  const SpanSource low(bytes_in(low_text));
  const std::string high_text = "\x80";
  const SpanSource high(bytes_in(high_text));
  EXPECT_TRUE(compare(high.range(), low.range()) > 0);
}

// Goal: the hash sees every byte, its place and the length, and not how the bytes are cut.
TEST(Search, HashesEqualBytesEqually) {
  std::set<std::uint64_t> hashes;
  std::size_t made = 0;
  for (std::size_t n = 0; n < 70; ++n) {
    std::string text(n, '\0');
    for (std::size_t i = 0; i <= n; ++i, ++made) {
      if (i < n) text[i] = 1;
      const Segments cut(text);
      const SpanSource whole(bytes_in(text));
      const std::uint64_t hash = hash_of(whole.range());
      ASSERT_EQ(hash, hash_of(cut.range(0, n))) << n;
      hashes.insert(hash);
      if (i < n) text[i] = 0;
    }
  }
  EXPECT_EQ(hashes.size(), made) << "texts that differ in one byte or in length";
}

TEST(Search, VisitsUntilItIsToldToStop) {
  const std::string text = "0123456789";
  const Segments segments(text);
  std::string seen;
  auto until_six = [&seen](std::byte b) {
    seen.push_back(static_cast<char>(b));
    return b != std::byte{'6'};
  };
  EXPECT_EQ(visit_bytes(segments.range(2, 8), until_six), 6U);
  EXPECT_EQ(seen, "23456");
  seen.clear();
  EXPECT_EQ(visit_bytes_backwards(segments.range(2, 7), until_six), 6U);
  EXPECT_EQ(seen, "876");
  EXPECT_EQ(visit_bytes(segments.range(0, 6), until_six), kNotFound);
  EXPECT_EQ(visit_bytes_backwards(segments.range(7, 3), until_six), kNotFound);
}

}  // namespace
}  // namespace tarn::detail
