// SPDX-License-Identifier: Apache-2.0
// A fault of a trace file: what is wrong, and at which byte. Program tarn.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tarn::tools {

/// Which bytes an offset counts.
enum class ByteOf {
  file,      // as they lie on disk
  unpacked,  // of the trace in the file's zstd frame
};

/// A trace that can't be read, or that breaks a rule of its format.
class TraceError : public std::runtime_error {
 public:
  TraceError(const std::string& what, std::uint64_t byte, ByteOf byte_of)
      : std::runtime_error(what + " at byte " + std::to_string(byte) +
                           (byte_of == ByteOf::unpacked ? " of the unpacked trace" : "")),
        byte_(byte),
        byte_of_(byte_of) {}

  [[nodiscard]] std::uint64_t byte() const noexcept { return byte_; }
  [[nodiscard]] ByteOf byte_of() const noexcept { return byte_of_; }

 private:
  std::uint64_t byte_;
  ByteOf byte_of_;
};

}  // namespace tarn::tools
