// SPDX-License-Identifier: Apache-2.0
// What the program's exit status means, and the exception that leads to each. Program tarn.
#pragma once

#include <stdexcept>
#include <string>

namespace tarn::tools {

inline constexpr int kExitDone = 0;
inline constexpr int kExitCheckFailed = 1;
inline constexpr int kExitUsage = 2;  // bad usage, or a file that can't be read

/// Bad usage, or an input that can't be used: ends the program with status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something that should have worked did not: ends the program with status 1.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tarn::tools
