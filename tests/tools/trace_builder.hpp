// SPDX-License-Identifier: Apache-2.0
// Builds ATRC traces byte by byte, right or wrong. Tests of the program.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "trace/crc32.hpp"

namespace tarn::tools {

using ByteVector = std::vector<std::uint8_t>;

inline void put_varint(ByteVector& to, std::uint64_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7;
  }
  to.push_back(static_cast<std::uint8_t>(value));
}

/// Writes `width` bytes of `value` at `at`, little-endian.
inline void put_fixed(ByteVector& to, std::size_t at, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) to[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

/// Events in order; the header's counts follow from them. Does not look whether they make sense.
class TraceBuilder {
 public:
  explicit TraceBuilder(std::string program = "prog", std::string workload = "work")
      : program_(std::move(program)), workload_(std::move(workload)) {}

  std::size_t header_length() const { return 84 + program_.size() + workload_.size(); }
  /// The offset of the next event.
  std::size_t next_at() const { return header_length() + payload_.size(); }
  std::uint64_t objects() const { return sizes_.size(); }

  TraceBuilder& malloc(unsigned thread, std::uint64_t size, std::uint64_t us = 0) {
    return allocation(thread, 0, {size}, size, us);
  }
  TraceBuilder& calloc(unsigned thread, std::uint64_t size, std::uint64_t us = 0) {
    return allocation(thread, 1, {size}, size, us);
  }
  TraceBuilder& memalign(unsigned thread, unsigned log2, std::uint64_t size, std::uint64_t us = 0) {
    return allocation(thread, 2, {log2, size}, size, us);
  }
  TraceBuilder& realloc(unsigned thread, std::uint64_t id, std::uint64_t size,
                        std::uint64_t us = 0) {
    live_ -= sizes_[id];
    return allocation(thread, 3, {sizes_.size() - 1 - id, size}, size, us);
  }
  TraceBuilder& free(unsigned thread, std::uint64_t id, std::uint64_t us = 0) {
    live_ -= sizes_[id];
    return event(thread, 4, {sizes_.size() - 1 - id}, us);
  }
  /// What came so far is the prologue.
  TraceBuilder& end_prologue() {
    prologue_ = events_;
    return *this;
  }
  /// What comes from here on is the epilogue.
  TraceBuilder& begin_epilogue() {
    epilogue_from_ = events_;
    return *this;
  }
  /// An event as raw varints, with no effect on the header but its own count.
  TraceBuilder& event(unsigned thread, unsigned op, const std::vector<std::uint64_t>& operands,
                      std::uint64_t us = 0) {
    put_varint(payload_, std::uint64_t{thread} * 8 + op);
    for (const std::uint64_t operand : operands) put_varint(payload_, operand);
    put_varint(payload_, us);
    threads_ = std::max(threads_, thread + 1);
    duration_ += us;
    ++events_;
    return *this;
  }
  /// Bytes of the payload as they are.
  TraceBuilder& raw(const ByteVector& bytes) {
    payload_.insert(payload_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  TraceBuilder& count_raw_event() {
    ++events_;
    return *this;
  }

  ByteVector bytes() const {
    ByteVector all(header_length());
    const std::string magic = "ATRC";
    std::copy(magic.begin(), magic.end(), all.begin());
    put_fixed(all, 4, 2, 1);
    put_fixed(all, 6, 2, header_length());
    put_fixed(all, 8, 4, threads_);
    put_fixed(all, 16, 8, sizes_.size());
    put_fixed(all, 24, 8, events_);
    put_fixed(all, 32, 8, prologue_);
    put_fixed(all, 40, 8, events_ - std::min(epilogue_from_, events_));
    put_fixed(all, 48, 8, peak_);
    put_fixed(all, 56, 8, duration_);
    put_fixed(all, 64, 8, payload_.size());
    Crc32 crc;
    crc.add(payload_);
    put_fixed(all, 72, 4, crc.value());
    put_fixed(all, 80, 2, program_.size());
    std::copy(program_.begin(), program_.end(), all.begin() + 82);
    put_fixed(all, 82 + program_.size(), 2, workload_.size());
    std::copy(workload_.begin(), workload_.end(),
              all.begin() + static_cast<std::ptrdiff_t>(84 + program_.size()));
    all.insert(all.end(), payload_.begin(), payload_.end());
    return all;
  }

 private:
  TraceBuilder& allocation(unsigned thread, unsigned op, const std::vector<std::uint64_t>& operands,
                           std::uint64_t size, std::uint64_t us) {
    sizes_.push_back(size);
    live_ += size;
    peak_ = std::max(peak_, live_);
    return event(thread, op, operands, us);
  }

  std::string program_;
  std::string workload_;
  ByteVector payload_;
  std::vector<std::uint64_t> sizes_;
  std::uint64_t live_ = 0;
  std::uint64_t peak_ = 0;
  std::uint64_t duration_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t prologue_ = 0;
  std::uint64_t epilogue_from_ = UINT64_MAX;
  unsigned threads_ = 0;
};

}  // namespace tarn::tools
