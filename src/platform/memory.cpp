// SPDX-License-Identifier: Apache-2.0
// Mappings, heap chunks and advice to the kernel. Layer platform.
#include "tarn/detail/platform/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <new>
#include <string_view>

#include "platform/purge_batch.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"

// LeakSanitizer's; there only in programs that are built with it.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): its name
extern "C" [[gnu::weak]] void __lsan_ignore_object(const void* memory);

namespace tarn::platform {
namespace {

// Relaxed everywhere: a number for people, it orders nothing.
constinit std::atomic<std::uint64_t> unmap_failure_count{0};

// MADV_POPULATE_WRITE of Linux 5.14, MADV_COLLAPSE of 6.1, which older headers do not name.
constexpr int kPopulateWrite = 23;
constexpr int kCollapse = 25;

/// What the administrator says of huge pages; MADV_COLLAPSE itself does not ask.
constexpr const char* kHugePageSetting = "/sys/kernel/mm/transparent_hugepage/enabled";

[[nodiscard]] bool are_huge_pages_wanted() noexcept {
  const int file = ::open(kHugePageSetting, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[64];  // "always [madvise] never"
  const ssize_t length = ::read(file, text, sizeof text);
  ::close(file);
  return length > 0 && std::string_view(text, static_cast<std::size_t>(length)).find("[never]") ==
                           std::string_view::npos;
}

[[nodiscard]] std::uintptr_t address_of(const void* memory) noexcept {
  return reinterpret_cast<std::uintptr_t>(memory);
}

[[nodiscard]] void* map_pages(std::size_t size) noexcept {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void unmap_pages(void* memory, std::size_t size) noexcept {
  if (::munmap(memory, size) != 0) {
    unmap_failure_count.fetch_add(1, std::memory_order_relaxed);
  }
}

/// Maps `alignment` too much and gives back what lies before and behind the aligned part.
///
/// @pre both are multiples of the system page.
[[nodiscard]] void* map_and_trim(std::size_t size, std::size_t alignment) noexcept {
  const std::size_t slack = alignment - system_page_size();
  if (size > SIZE_MAX - slack) return nullptr;
  void* const whole = map_pages(size + slack);
  if (whole == nullptr) return nullptr;
  const std::uintptr_t begin = address_of(whole);
  const std::size_t before = base::align_up(begin, alignment) - begin;
  auto* const aligned = static_cast<std::byte*>(whole) + before;
  if (before != 0) unmap_pages(whole, before);
  if (before != slack) unmap_pages(aligned + size, slack - before);
  return aligned;
}

[[nodiscard]] void* map_direct(std::size_t size, std::size_t alignment) noexcept {
  // The kernel puts mappings side by side, so after one aligned chunk the next mapping of that size
  // is usually aligned too: worth one try, before two more system calls for the trimming.
  void* const memory = map_pages(size);
  if (memory == nullptr || base::is_aligned(address_of(memory), alignment)) return memory;
  unmap_pages(memory, size);
  return map_and_trim(size, alignment);
}

/// What `map` really takes of the system: the size rounded up to pages; 0 when that overflows.
[[nodiscard]] std::size_t direct_size(std::size_t size) noexcept {
  const std::size_t page = system_page_size();
  if (!base::can_align_up(size, page)) return 0;
  return base::align_up(size == 0 ? 1 : size, page);
}

void* system_map(void* /*context*/, std::size_t size, std::size_t alignment,
                 MemoryKind kind) noexcept {
  TARN_CHECK(base::is_power_of_two(alignment));
  if (kind == MemoryKind::heap) {
    // No object is as large. libstdc++ would round the size up to the alignment without looking for
    // an overflow, and an allocator that checks more than libc's would end the program.
    if (size > PTRDIFF_MAX || !base::can_align_up(size, alignment)) return nullptr;
    void* const memory = ::operator new (size, std::align_val_t{alignment}, std::nothrow);
    // What leads to a chunk lies in mappings, where LeakSanitizer does not look.
    if (__lsan_ignore_object != nullptr && memory != nullptr) __lsan_ignore_object(memory);
    return memory;
  }
  const std::size_t mapped = direct_size(size);
  const std::size_t page = system_page_size();
  if (mapped == 0) return nullptr;
  return map_direct(mapped, alignment < page ? page : alignment);
}

void system_unmap(void* /*context*/, void* memory, std::size_t size, std::size_t alignment,
                  MemoryKind kind) noexcept {
  if (kind == MemoryKind::direct) return unmap_pages(memory, direct_size(size));
  purge(memory, size);
  ::operator delete (memory, std::align_val_t{alignment});
}

}  // namespace

std::size_t system_page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

MemorySource system_memory() noexcept {
  return {.map = system_map, .unmap = system_unmap, .context = nullptr};
}

std::uint64_t unmap_failures() noexcept {
  return unmap_failure_count.load(std::memory_order_relaxed);
}

void purge(void* memory, std::size_t size) noexcept {
  PurgeBatch batch;
  batch.add(memory, size);
}

void populate(void* memory, std::size_t size) noexcept {
  if (size == 0) return;
  const std::uintptr_t begin = address_of(memory);
  const std::size_t before = begin - base::align_down(begin, system_page_size());
  // On the way of an allocation that succeeds, also where this is refused each time.
  const int saved_errno = errno;
  static_cast<void>(
      ::madvise(static_cast<std::byte*>(memory) - before, before + size, kPopulateWrite));
  errno = saved_errno;
}

bool collapse(void* memory, std::size_t size) noexcept {
  const int saved_errno = errno;
  static const bool wanted = are_huge_pages_wanted();
  const bool done = wanted && ::madvise(memory, size, kCollapse) == 0;
  errno = saved_errno;
  return done;
}

}  // namespace tarn::platform
