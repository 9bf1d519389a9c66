// SPDX-License-Identifier: Apache-2.0
// The expensive half of the asymmetric fence. Layer platform.
#include "tarn/detail/platform/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/memory.hpp"

namespace tarn::platform {
namespace {

enum class Method : int { unknown, expedited, global, page_protection, none };

// Relaxed: the value is the same whoever finds it, and publishes nothing else.
constinit std::atomic<Method> method{Method::unknown};

[[nodiscard]] long membarrier(int command) noexcept {
  return ::syscall(__NR_membarrier, command, 0U, 0);
}

#if defined(__x86_64__) || defined(__i386__)
/// Narrowing the rights of a page that is in use makes the kernel flush it out of the TLB of every
/// processor that runs this process, by an interrupt, which is a full fence there. Other
/// architectures flush without an interrupt, so this is for x86 only.
[[nodiscard]] bool fence_by_page_protection() noexcept {
  static std::mutex mutex;  // one page for all: two at once could find it narrowed already
  static void* page = nullptr;
  const std::lock_guard lock(mutex);
  const std::size_t size = system_page_size();
  if (page == nullptr) {
    void* const fresh =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return false;
    page = fresh;
  }
  if (::mprotect(page, size, PROT_READ | PROT_WRITE) != 0) return false;
  *static_cast<volatile char*>(page) = 1;  // present and writable, else nothing needs flushing
  if (::mprotect(page, size, PROT_READ) != 0) return false;
  std::atomic_thread_fence(std::memory_order_seq_cst);  // for this thread itself
  return true;
}
#else
[[nodiscard]] bool fence_by_page_protection() noexcept { return false; }
#endif

[[nodiscard]] Method find_method() noexcept {
  const long commands = membarrier(MEMBARRIER_CMD_QUERY);
  if (commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
      membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0) {
    return Method::expedited;
  }
  if (commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL) != 0) return Method::global;
  return fence_by_page_protection() ? Method::page_protection : Method::none;
}

[[nodiscard]] Method known_method() noexcept {
  Method known = method.load(std::memory_order_relaxed);
  if (known == Method::unknown) [[unlikely]] {
    known = find_method();
    method.store(known, std::memory_order_relaxed);
  }
  return known;
}

[[nodiscard]] bool fence_by(Method how) noexcept {
  switch (how) {
    case Method::expedited:
      return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
    case Method::global:
      return membarrier(MEMBARRIER_CMD_GLOBAL) == 0;
    case Method::page_protection:
      return fence_by_page_protection();
    case Method::unknown:
    case Method::none:
      break;
  }
  return false;
}

}  // namespace

void heavy_fence() noexcept {
  if (fence_by(known_method())) [[likely]]
    return;
  // A sandbox may have been closed since the method was found: look once more, then give up, since
  // to go on without the fence would corrupt what it guards.
  method.store(Method::unknown, std::memory_order_relaxed);
  if (!fence_by(known_method())) {
    base::fatal("no way to make other threads pass a memory fence (membarrier is refused)");
  }
}

bool asymmetric_fence_available() noexcept { return known_method() != Method::none; }

}  // namespace tarn::platform
