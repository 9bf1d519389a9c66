// SPDX-License-Identifier: Apache-2.0
// What a child process does for `tarn replay`. Program tarn.
#pragma once

namespace tarn::tools {

/// Replays the script in its block once, leaves the result there; returns the exit status.
///
/// Allocates as little as it can before the replay: what the C library keeps of that would be there
/// for the allocator under test.
[[nodiscard]] int replay_child();

}  // namespace tarn::tools
