// SPDX-License-Identifier: Apache-2.0
// A memory source for tests: counts what is mapped, refuses when told, checks what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/memory.hpp"

namespace tarn::test {

/// Stands in for the system and hands its memory on, filled with kFresh where asked.
///
/// An unmap that does not fit its map (address, size, alignment, kind) ends the program, and so
/// does the end of the fake while something is mapped, unless `allow_leaks()` was called.
///
/// Thread safety: all members.
class FakeMemory {
 public:
  static constexpr unsigned char kFresh = 0xA5;  // no sane value of anything, and odd

  FakeMemory() = default;
  FakeMemory(const FakeMemory&) = delete;
  FakeMemory& operator=(const FakeMemory&) = delete;
  ~FakeMemory() { TARN_CHECK(leaks_allowed_ || mappings_.empty()); }

  /// Must not outlive this object.
  [[nodiscard]] platform::MemorySource source() noexcept {
    return {.map = map, .unmap = unmap, .context = this};
  }

  /// The n-th map from now on is refused, 1 being the next; 0: none. Later ones are served.
  void refuse_nth(std::size_t n) {
    const std::lock_guard lock(mutex_);
    maps_until_refusal_ = n;
  }
  /// Every map is refused from now on, or none.
  void refuse_all(bool refuse = true) {
    const std::lock_guard lock(mutex_);
    refuse_all_ = refuse;
  }
  /// Maps that would take mapped_bytes() above this are refused.
  void limit_bytes(std::size_t limit) {
    const std::lock_guard lock(mutex_);
    limit_bytes_ = limit;
  }
  /// Whether mapped memory is filled with kFresh, so that nobody counts on zeros. Touches all of
  /// it.
  void fill(bool on = true) {
    const std::lock_guard lock(mutex_);
    fill_ = on;
  }
  void allow_leaks() {
    const std::lock_guard lock(mutex_);
    leaks_allowed_ = true;
  }

  /// Mapped now.
  [[nodiscard]] std::size_t mapped_bytes() const {
    const std::lock_guard lock(mutex_);
    return mapped_bytes_;
  }
  [[nodiscard]] std::size_t mappings() const {
    const std::lock_guard lock(mutex_);
    return mappings_.size();
  }
  /// Since the beginning.
  [[nodiscard]] std::size_t peak_bytes() const {
    const std::lock_guard lock(mutex_);
    return peak_bytes_;
  }
  [[nodiscard]] std::size_t maps() const {
    const std::lock_guard lock(mutex_);
    return maps_;
  }
  [[nodiscard]] std::size_t unmaps() const {
    const std::lock_guard lock(mutex_);
    return unmaps_;
  }
  [[nodiscard]] std::size_t refusals() const {
    const std::lock_guard lock(mutex_);
    return refusals_;
  }

 private:
  struct Mapping {
    std::size_t size;
    std::size_t alignment;
    MemoryKind kind;
    bool operator==(const Mapping&) const = default;
  };

  static void* map(void* context, std::size_t size, std::size_t alignment,
                   MemoryKind kind) noexcept {
    return static_cast<FakeMemory*>(context)->do_map({size, alignment, kind});
  }
  static void unmap(void* context, void* memory, std::size_t size, std::size_t alignment,
                    MemoryKind kind) noexcept {
    static_cast<FakeMemory*>(context)->do_unmap(memory, {size, alignment, kind});
  }

  [[nodiscard]] bool refuses(std::size_t size) noexcept {
    const bool nth = maps_until_refusal_ == 1;
    if (maps_until_refusal_ > 0) --maps_until_refusal_;
    return nth || refuse_all_ || size > limit_bytes_ || mapped_bytes_ > limit_bytes_ - size;
  }

  void* do_map(const Mapping& wanted) noexcept {
    const std::lock_guard lock(mutex_);
    void* memory = nullptr;
    if (!refuses(wanted.size)) {
      const auto [map_system, unmap_system, system] = platform::system_memory();
      memory = map_system(system, wanted.size, wanted.alignment, wanted.kind);
    }
    if (memory == nullptr) {
      ++refusals_;
      return nullptr;
    }
    if (fill_) std::memset(memory, kFresh, wanted.size);
    TARN_CHECK(mappings_.emplace(memory, wanted).second);
    ++maps_;
    mapped_bytes_ += wanted.size;
    if (mapped_bytes_ > peak_bytes_) peak_bytes_ = mapped_bytes_;
    return memory;
  }

  void do_unmap(void* memory, const Mapping& given) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = mappings_.find(memory);
    TARN_CHECK(found != mappings_.end() && found->second == given);
    mappings_.erase(found);
    ++unmaps_;
    mapped_bytes_ -= given.size;
    const auto [map_system, unmap_system, system] = platform::system_memory();
    unmap_system(system, memory, given.size, given.alignment, given.kind);
  }

  mutable std::mutex mutex_;
  std::map<void*, Mapping> mappings_;
  std::size_t mapped_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
  std::size_t maps_ = 0;
  std::size_t unmaps_ = 0;
  std::size_t refusals_ = 0;
  std::size_t maps_until_refusal_ = 0;
  std::size_t limit_bytes_ = SIZE_MAX;
  bool refuse_all_ = false;
  bool fill_ = false;
  bool leaks_allowed_ = false;
};

}  // namespace tarn::test
