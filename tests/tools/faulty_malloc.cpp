// SPDX-License-Identifier: Apache-2.0
// A malloc with faults on demand, to be preloaded: what the program must notice. Tests of the
// program.
//
// Objects of certain sizes, which the traces of these tests have for no other reason:
//   7001  all are the same memory      7002  is refused      7003  never returns
//   7004  aborts                       7005  overlaps the end of the object before it of that size
#include <dlfcn.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace {

constexpr std::size_t kFaultySize = 7001;
alignas(16) unsigned char shared_memory[2 * 7005];

bool is_faulty(const void* memory) {
  return memory >= shared_memory && memory < shared_memory + sizeof(shared_memory);
}

void* faulty(std::size_t size) {
  switch (size) {
    case kFaultySize:
      return shared_memory;
    case 7002:
      return nullptr;
    case 7003:
      for (;;) ::pause();
    case 7005: {
      static std::size_t begun = 0;
      // The second begins 7000 bytes behind the first: five bytes of it are the first one's too.
      return shared_memory + 7000 * (begun++ % 2);
    }
    default:
      std::abort();
  }
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" void* malloc(std::size_t size) {
  if (size >= kFaultySize && size <= 7005) return faulty(size);
  static auto* const real = next<void*(std::size_t)>("malloc");
  return real(size);
}

extern "C" void free(void* memory) {
  if (is_faulty(memory)) return;
  static auto* const real = next<void(void*)>("free");
  real(memory);
}
