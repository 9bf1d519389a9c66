// SPDX-License-Identifier: Apache-2.0
// What of a piece of memory is resident, as the kernel says.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/platform/memory.hpp"

namespace tarn::test {

/// System pages of [memory, memory + size) that are resident; none where nothing is mapped.
[[nodiscard]] inline std::size_t resident_pages(const void* memory, std::size_t size) {
  const std::size_t page = platform::system_page_size();
  const auto begin = base::align_down(reinterpret_cast<std::uintptr_t>(memory), page);
  std::size_t resident = 0;
  for (std::uintptr_t at = begin; at < reinterpret_cast<std::uintptr_t>(memory) + size;
       at += page) {
    unsigned char state = 0;
    if (::mincore(reinterpret_cast<void*>(at), page, &state) == 0) resident += state & 1U;
  }
  return resident;
}

/// Whether this kernel has MADV_POPULATE_WRITE (Linux 5.14).
[[nodiscard]] inline bool can_populate() {
  constexpr int kPopulateWrite = 23;
  alignas(16) unsigned char byte = 0;
  const std::size_t page = platform::system_page_size();
  const auto begin = base::align_down(reinterpret_cast<std::uintptr_t>(&byte), page);
  return ::madvise(reinterpret_cast<void*>(begin), page, kPopulateWrite) == 0;
}

/// Whether this system puts huge pages of 2 MiB under memory that asks for them (Linux 6.1).
[[nodiscard]] inline bool can_collapse() {
  constexpr int kCollapse = 25;
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  void* const memory =
      ::mmap(nullptr, 2 * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  const auto begin = base::align_up(reinterpret_cast<std::uintptr_t>(memory), kHuge);
  *reinterpret_cast<unsigned char*>(begin) = 1;
  const bool can = ::madvise(reinterpret_cast<void*>(begin), kHuge, kCollapse) == 0;
  ::munmap(memory, 2 * kHuge);
  return can;
}

}  // namespace tarn::test
