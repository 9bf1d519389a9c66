// SPDX-License-Identifier: Apache-2.0
// Where chunks and huge regions come from, and advice to the kernel. Layer platform.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory_kind.hpp"

namespace tarn::platform {

/// The size of a system page in bytes; a power of two.
[[nodiscard]] std::size_t system_page_size() noexcept;

/// The seam between arenas and the system: tests put a faulty one in its place.
///
/// `map` returns null when memory is refused; what it returns is aligned to `alignment`, a power of
/// two, and its contents are unspecified. `unmap` takes exactly what `map` gave, with the same
/// size, alignment and kind, once.
///
/// Thread safety: both functions may be called by any thread at any time.
struct MemorySource {
  void* (*map)(void* context, std::size_t size, std::size_t alignment, MemoryKind kind) noexcept;
  void (*unmap)(void* context, void* memory, std::size_t size, std::size_t alignment,
                MemoryKind kind) noexcept;
  void* context;
};

/// The system itself.
///
/// direct: an anonymous private mapping; sizes are rounded up to system pages, an alignment below
/// a system page means one. heap: operator new; its pages are dropped before operator delete,
/// because the C library keeps large blocks (docs/adr/0010-heap-chunks-give-their-pages-back.md).
/// A mapping that the system refuses to take back is counted and stays mapped.
[[nodiscard]] MemorySource system_memory() noexcept;

/// How often the system has refused to take memory back, in this process.
[[nodiscard]] std::uint64_t unmap_failures() noexcept;

/// Gives the whole system pages inside [memory, memory + size) back to the system; the range stays
/// mapped. Contents of those pages are lost; the bytes before and behind them are kept.
///
/// A range without a whole page, or a refusal by the system, changes nothing.
void purge(void* memory, std::size_t size) noexcept;

/// Brings in the system pages that [memory, memory + size) lies in, as if each had been written to;
/// contents stay. One system call in place of a page fault each.
///
/// A system that does not know how (Linux before 5.14), or refuses, changes nothing, errno
/// included: pages then come in when they are written to.
void populate(void* memory, std::size_t size) noexcept;

/// Puts huge pages under [memory, memory + size), as far as it covers whole ones; contents stay,
/// and what was not resident is then. A system call that copies what is there: 0.1 to 0.4 ms each.
///
/// A system that does not know how (Linux before 6.1), on which huge pages are switched off, or
/// that has none to give, changes nothing, errno included.
/// @returns whether all of them are there.
bool collapse(void* memory, std::size_t size) noexcept;

}  // namespace tarn::platform
