// SPDX-License-Identifier: Apache-2.0
// Memory that a child process gets its work in and leaves its results in. Program tarn.
#include "common/shared_block.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

SharedBlock SharedBlock::create(std::size_t size) {
  const int fd = ::memfd_create("tarn", MFD_CLOEXEC);
  if (fd < 0) throw RunError(concat("no shared memory: ", errno_text(errno)));
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    const int error = errno;
    ::close(fd);
    throw RunError(concat("no shared memory of ", size, " bytes: ", errno_text(error)));
  }
  return SharedBlock(fd, size);
}

SharedBlock SharedBlock::create_private(std::size_t size) { return SharedBlock(-1, size); }

SharedBlock SharedBlock::adopt(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw RunError(concat("no block: ", errno_text(errno)));
  return SharedBlock(fd, static_cast<std::size_t>(status.st_size));
}

SharedBlock::SharedBlock(int fd, std::size_t size) : fd_(fd), size_(size), data_(nullptr) {
  const int anonymous = fd < 0 ? MAP_ANONYMOUS : 0;
  void* address = ::mmap(nullptr, size == 0 ? 1 : size, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_POPULATE | anonymous, fd, 0);
  if (address == MAP_FAILED) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    throw RunError(concat("no shared memory of ", size, " bytes: ", errno_text(error)));
  }
  data_ = static_cast<std::byte*>(address);
}

SharedBlock::SharedBlock(SharedBlock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      data_(std::exchange(other.data_, nullptr)) {}

SharedBlock::~SharedBlock() {
  if (data_ != nullptr) ::munmap(data_, size_ == 0 ? 1 : size_);
  if (fd_ >= 0) ::close(fd_);
}

void* SharedBlock::address_at(std::size_t offset, std::size_t count, std::size_t size,
                              std::size_t alignment) const {
  if (offset > size_ || count > (size_ - offset) / size || offset % alignment != 0) {
    throw RunError(concat("a shared block of ", size_, " bytes has no ", count, " x ", size,
                          " bytes at ", offset));
  }
  return data_ + offset;
}

}  // namespace tarn::tools
