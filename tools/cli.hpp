// SPDX-License-Identifier: Apache-2.0
// The command line: commands, options, help. Program tarn.
#pragma once

namespace tarn::tools {

/// Parses the command line and runs the command; returns the exit status.
///
/// @errors UsageError, RunError
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

}  // namespace tarn::tools
