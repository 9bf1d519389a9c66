// SPDX-License-Identifier: Apache-2.0
// How much memory of this process is resident. Program tarn.
#pragma once

#include <cstdint>

namespace tarn::tools {

/// Anonymous resident memory: what an allocator has made resident, and not the program's text or
/// its shared blocks. Read from /proc/self/statm, which takes a microsecond or two and allocates
/// nothing.
///
/// Exact from Linux 6.17 up; before, the kernel may be off by 64 pages a core.
/// Thread safety: bytes() by any number of threads.
class ResidentMemory {
 public:
  /// @errors RunError when there is no /proc.
  ResidentMemory();
  ResidentMemory(const ResidentMemory&) = delete;
  ResidentMemory& operator=(const ResidentMemory&) = delete;
  ~ResidentMemory();

  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  int fd_;
  std::uint64_t page_size_;
};

/// Gives back to the system what the malloc of this process keeps: the C library's, jemalloc's,
/// mimalloc's, tcmalloc's or tbb's own function for that, whichever is there.
void trim_malloc() noexcept;

/// The machine's memory, in bytes.
[[nodiscard]] std::uint64_t physical_memory() noexcept;

}  // namespace tarn::tools
