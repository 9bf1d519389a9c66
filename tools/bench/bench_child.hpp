// SPDX-License-Identifier: Apache-2.0
// What a child process does for `tarn bench`. Program tarn.
#pragma once

namespace tarn::tools {

/// Measures the unit that its block names, leaves the samples there; returns the exit status.
[[nodiscard]] int bench_child();

}  // namespace tarn::tools
