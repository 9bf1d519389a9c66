// SPDX-License-Identifier: Apache-2.0
// How much memory of this process is resident. Program tarn.
#include "common/resident.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

template <class Function>
Function* find_function(const char* name) noexcept {
  // POSIX promises that what dlsym gives for a function can be converted to its pointer.
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

ResidentMemory::ResidentMemory()
    : fd_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      page_size_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {
  if (fd_ < 0) throw RunError(concat("/proc/self/statm: ", errno_text(errno)));
}

ResidentMemory::~ResidentMemory() { ::close(fd_); }

std::uint64_t ResidentMemory::bytes() const noexcept {
  std::array<char, 128> text{};
  const ssize_t length = ::pread(fd_, text.data(), text.size(), 0);
  if (length <= 0) return 0;
  std::array<std::uint64_t, 3> fields{};  // size, resident, shared: in pages
  const char* at = text.data();
  const char* const end = at + length;
  for (std::uint64_t& field : fields) {
    at = std::from_chars(at, end, field).ptr;
    if (at != end) ++at;
  }
  return (fields[1] - fields[2]) * page_size_;
}

void trim_malloc() noexcept {
  if (auto* mallctl =
          find_function<int(const char*, void*, std::size_t*, void*, std::size_t)>("mallctl")) {
    mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else if (auto* mi_collect = find_function<void(bool)>("mi_collect")) {
    mi_collect(true);
  } else if (auto* release = find_function<void()>("MallocExtension_ReleaseFreeMemory")) {
    release();
  } else if (auto* command = find_function<int(int, void*)>("scalable_allocation_command")) {
    command(0, nullptr);  // TBBMALLOC_CLEAN_ALL_BUFFERS
  } else {
    ::malloc_trim(0);
  }
}

std::uint64_t physical_memory() noexcept {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tarn::tools
