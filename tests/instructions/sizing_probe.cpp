// SPDX-License-Identifier: Apache-2.0
// From size to class: the first step of every allocation.
#include <cstdlib>
#include <string_view>

#include "tarn/detail/sizing/size_classes.hpp"

namespace {

// Not inlined into main, which gcc takes for cold. The size comes out of memory and the class goes
// into a register, as between a caller's variable and the index of a cache; the loop around it
// costs two or three instructions more.
[[gnu::noinline]] void classify(std::size_t size, long count) {
  for (long i = 0; i < count; ++i) {
    asm volatile("" : "+m"(size));
    asm volatile("" ::"r"(tarn::sizing::class_of(size)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  const long count = std::atol(argv[2]);
  if (name == "up_to_64k") {
    classify(1500, count);
  } else if (name == "up_to_1m") {
    classify(100'000, count);
  } else if (name == "above") {
    classify(std::size_t{3} << 20, count);
  } else {
    return 2;
  }
  return 0;
}
