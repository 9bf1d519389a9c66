// SPDX-License-Identifier: Apache-2.0
// Giving many ranges of memory back to the system at once. Layer: platform.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>

namespace tarn::platform {

/// The whole system pages inside [memory, memory + size); of length 0 when there is none.
[[nodiscard]] iovec whole_pages(void* memory, std::size_t size) noexcept;

/// Gives ranges back as one, in order. @returns the bytes of those that it has done, or less than
/// 0.
using AdviseAll = long (*)(const iovec* ranges, std::size_t count) noexcept;
/// By process_madvise on the own process, which Linux has since 6.14; asked no more once it is not
/// to be had. errno may change.
[[nodiscard]] long purge_all(const iovec* ranges, std::size_t count) noexcept;

/// Ranges that go back to the system together, each as by purge().
///
/// Every madvise() of its own makes all processors that run the program's threads forget their
/// translations, which they are interrupted for: 15 to 20 microseconds for 32 KiB beside one other
/// thread, in a virtual machine. Of 64 ranges by one call each costs 3.
///
/// Thread safety: none.
class PurgeBatch {
 public:
  /// So many go at once: 1 KiB of stack.
  static constexpr std::size_t kRanges = 64;

  explicit PurgeBatch(AdviseAll advise_all = purge_all) noexcept : advise_all_(advise_all) {}
  ~PurgeBatch() { flush(); }
  PurgeBatch(const PurgeBatch&) = delete;
  PurgeBatch& operator=(const PurgeBatch&) = delete;

  /// Adds a range, of which only the whole pages go. Its contents may be lost at once.
  void add(void* memory, std::size_t size) noexcept;
  /// Gives back what was added: to be called, or the end to come, before anybody uses it again.
  void flush() noexcept;

 private:
  AdviseAll advise_all_;
  std::size_t count_ = 0;
  std::array<iovec, kRanges> ranges_;
};

}  // namespace tarn::platform
