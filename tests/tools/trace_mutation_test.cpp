// SPDX-License-Identifier: Apache-2.0
// Damaged traces by the thousand. Goal: the reader never crashes, hangs or accepts nonsense.
// Method: random damage to well-formed traces, packed and bare, for a bounded time; the same seeds
// every run.
#include <gtest/gtest.h>
#include <zstd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "any_input.hpp"
#include "random_trace.hpp"
#include "trace/crc32.hpp"

namespace tarn::tools {
namespace {

using Rng = std::minstd_rand;

constexpr std::size_t kHeaderBytes = 92;  // of a TraceBuilder's trace, with its two texts

std::size_t any_index(Rng& rng, std::size_t size) { return rng() % size; }

ByteVector packed(const ByteVector& bytes) {
  ByteVector frame(ZSTD_compressBound(bytes.size()));
  frame.resize(ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 1));
  return frame;
}

/// One change: a bit, a byte, a number at its edge, a part cut out, doubled or moved.
void damage(ByteVector& bytes, Rng& rng) {
  if (bytes.empty()) return;
  const std::size_t at = any_index(rng, bytes.size());
  const std::size_t length = 1 + any_index(rng, std::min<std::size_t>(bytes.size() - at, 16));
  const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const auto to = from + static_cast<std::ptrdiff_t>(length);
  switch (rng() % 7) {
    case 0:
      bytes[at] ^= static_cast<std::uint8_t>(1U << (rng() % 8));
      break;
    case 1:
      bytes[at] = static_cast<std::uint8_t>(rng());
      break;
    case 2:
      std::fill(from, to, std::uint8_t{0xff});
      break;
    case 3:
      bytes.erase(from, to);
      break;
    case 4: {
      const ByteVector part(from, to);
      bytes.insert(from, part.begin(), part.end());
      break;
    }
    case 5:
      bytes.resize(at);
      break;
    default: {  // a field of the header, if there is one
      constexpr std::uint64_t kEdges[] = {0, 1, 2, 0x7f, 0x80, 1ULL << 31, UINT64_MAX};
      constexpr std::size_t kFields[] = {4, 6, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 76, 80};
      const std::size_t field = kFields[rng() % std::size(kFields)];
      if (field + 8 <= bytes.size()) {
        put_fixed(bytes, field, field < 16 || field > 64 ? 2 : 8,
                  kEdges[rng() % std::size(kEdges)]);
      }
    }
  }
}

/// Makes length and checksum fit a damaged payload again, so that only its meaning is at fault.
void mend_header(ByteVector& bytes) {
  if (bytes.size() < kHeaderBytes) return;
  Crc32 crc;
  crc.add(std::span(bytes).subspan(kHeaderBytes));
  put_fixed(bytes, 64, 8, bytes.size() - kHeaderBytes);
  put_fixed(bytes, 72, 4, crc.value());
}

TEST(TraceMutation, DamagedTracesAreRefusedNotFollowed) {
  constexpr auto kTime = std::chrono::seconds(5);
  constexpr std::uint32_t kMostTries = 200000;  // about what an optimised build does in that time
  constexpr std::uint32_t kLeastTries = 500;    // fewer would say nothing, however slow the machine
  const auto end = std::chrono::steady_clock::now() + kTime;
  std::uint32_t refused = 0;
  std::uint32_t accepted = 0;
  for (std::uint32_t seed = 0;
       seed < kMostTries && (seed < kLeastTries || std::chrono::steady_clock::now() < end);
       ++seed) {
    Rng rng(seed + 1);
    ByteVector bytes = random_trace(seed % 64, 1 + seed % 4, 8 + seed % 100, 5000).bytes();
    const std::size_t changes = 1 + rng() % 3;
    const unsigned form = rng() % 4;
    if (form == 0) bytes = packed(bytes);
    for (std::size_t i = 0; i < changes; ++i) damage(bytes, rng);
    if (form == 1) mend_header(bytes);
    if (form == 2) bytes = packed(bytes);
    (try_any_input(bytes) ? accepted : refused)++;
  }
  RecordProperty("refused", static_cast<int>(refused));
  RecordProperty("accepted", static_cast<int>(accepted));
  EXPECT_GT(refused, kLeastTries / 5);
  EXPECT_LT(accepted, refused) << "damage goes unnoticed";
}

TEST(TraceMutation, EveryBitOfASmallTraceIsGuarded) {
  const ByteVector whole = random_trace(3, 3, 40, 500).bytes();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    ByteVector bytes = whole;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    // Nothing vouches for the header's two texts. And where calls at the edges of the window could
    // as well belong to prologue or epilogue, those may be a few longer or shorter.
    const std::size_t byte = bit / 8;
    const bool vouched_for = !(byte >= 82 && byte < kHeaderBytes) && !(byte >= 32 && byte < 48);
    EXPECT_TRUE(!try_any_input(bytes) || !vouched_for) << "bit " << bit % 8 << " of byte " << byte;
  }
}

}  // namespace
}  // namespace tarn::tools
