// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer without libFuzzer: random inputs, and small changes of inputs that came before, for
// a bounded time; the same ones every run. With files on the command line, those instead.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMostBytes = 400;
constexpr std::size_t kKept = 64;  // inputs that later ones are made of

Bytes random_input(std::minstd_rand& random) {
  Bytes bytes(random() % kMostBytes);
  // Of all bytes, or of the few that mean most to the formats.
  const bool plain = random() % 2 == 0;
  constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '0', '9', 'a', 'F', 'g'};
  for (std::uint8_t& byte : bytes) {
    byte = plain ? static_cast<std::uint8_t>(random()) : kEdges[random() % std::size(kEdges)];
  }
  return bytes;
}

void change(Bytes& bytes, const Bytes& other, std::minstd_rand& random) {
  if (bytes.empty()) return;
  const auto at = static_cast<std::ptrdiff_t>(random() % bytes.size());
  switch (random() % 5) {
    case 0:
      bytes[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << random() % 8);
      break;
    case 1:
      bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random());
      break;
    case 2:
      bytes.resize(static_cast<std::size_t>(at));
      break;
    case 3:
      bytes.erase(bytes.begin() + at);
      break;
    default:
      bytes.insert(bytes.begin() + at, other.begin(), other.end());
      bytes.resize(std::min(bytes.size(), kMostBytes));
  }
}

void run(const Bytes& bytes) { LLVMFuzzerTestOneInput(bytes.data(), bytes.size()); }

int run_files(int count, char** names) {
  for (int i = 0; i < count; ++i) {
    std::ifstream file(names[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s: cannot be read\n", names[i]);
      return 2;
    }
    run(Bytes(std::istreambuf_iterator<char>(file), {}));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return run_files(argc - 1, argv + 1);
  constexpr auto kTime = std::chrono::seconds(4);
  constexpr int kMostRuns = 200'000;  // about what an optimised build does in that time
  constexpr int kLeastRuns = 500;     // fewer would say nothing
  const auto end = std::chrono::steady_clock::now() + kTime;
  std::minstd_rand random(1);
  std::vector<Bytes> kept(kKept);
  int runs = 0;
  while (runs < kMostRuns && (runs < kLeastRuns || std::chrono::steady_clock::now() < end)) {
    Bytes& next = kept[random() % kKept];
    if (random() % 8 == 0) {
      next = random_input(random);
    } else {
      change(next, kept[random() % kKept], random);
    }
    run(next);
    ++runs;
  }
  std::printf("%d inputs\n", runs);
}
