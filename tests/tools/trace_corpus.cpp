// SPDX-License-Identifier: Apache-2.0
// Writes small well-formed traces for the fuzzer to start from: trace_corpus FOLDER. Tests of the
// program.
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "random_trace.hpp"

namespace {

using tarn::tools::ByteVector;

void write(const std::filesystem::path& path, const ByteVector& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
  if (!file.flush()) throw std::runtime_error("can't write " + path.string());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (unsigned seed = 0; seed < 20; ++seed) {
    const ByteVector bare =
        tarn::tools::random_trace(seed, 1 + seed % 4, 10 + 5 * seed, 5000).bytes();
    ByteVector packed(ZSTD_compressBound(bare.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bare.data(), bare.size(), 3));
    write(folder / ("bare" + std::to_string(seed)), bare);
    write(folder / ("packed" + std::to_string(seed)), packed);
  }
  return 0;
}
