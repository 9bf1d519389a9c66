// SPDX-License-Identifier: Apache-2.0
// Many ranges by one system call, where there is one. Layer: platform.
#include "platform/purge_batch.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/platform/memory.hpp"

namespace tarn::platform {
namespace {

/// PIDFD_SELF of Linux 6.14: "this thread's process" where a file descriptor is wanted. Others
/// refuse it as a bad one.
constexpr int kPidfdSelf = -10000;

}  // namespace

iovec whole_pages(void* memory, std::size_t size) noexcept {
  const std::size_t page = system_page_size();
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t before = base::align_up(begin, page) - begin;
  if (size < before) return {.iov_base = memory, .iov_len = 0};
  return {.iov_base = static_cast<std::byte*>(memory) + before,
          .iov_len = base::align_down(size - before, page)};
}

long purge_all(const iovec* ranges, std::size_t count) noexcept {
#ifdef SYS_process_madvise
  // Relaxed: a hint; a thread that has not seen it yet is refused itself.
  static std::atomic<bool> is_refused{false};
  if (is_refused.load(std::memory_order_relaxed)) return -1;
  const long done = ::syscall(SYS_process_madvise, kPidfdSelf, ranges, count, MADV_DONTNEED, 0U);
  // Whatever else is wrong is wrong with a range, such as a locked page.
  if (done < 0 && (errno == ENOSYS || errno == EBADF || errno == EPERM)) {
    is_refused.store(true, std::memory_order_relaxed);
  }
  return done;
#else
  static_cast<void>(ranges);
  static_cast<void>(count);
  return -1;
#endif
}

void PurgeBatch::add(void* memory, std::size_t size) noexcept {
  const iovec range = whole_pages(memory, size);
  if (range.iov_len == 0) return;
  if (count_ == kRanges) flush();
  ranges_[count_++] = range;
}

void PurgeBatch::flush() noexcept {
  if (count_ == 0) return;
  const int saved_errno = errno;
  long done = count_ == 1 ? 0 : advise_all_(ranges_.data(), count_);
  // What the one call has left, all of them where there is none, goes range by range; what is
  // refused then stays as it is.
  for (std::size_t i = 0; i < count_; ++i) {
    const auto length = static_cast<long>(ranges_[i].iov_len);
    if (done >= length) {
      done -= length;
      continue;
    }
    static_cast<void>(::madvise(ranges_[i].iov_base, ranges_[i].iov_len, MADV_DONTNEED));
  }
  errno = saved_errno;
  count_ = 0;
}

}  // namespace tarn::platform
