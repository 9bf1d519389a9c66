// SPDX-License-Identifier: Apache-2.0
// Runs this program again as a child process, with another malloc when wanted. Program tarn.
#pragma once

#include <string>
#include <string_view>

#include "common/peers.hpp"
#include "common/shared_block.hpp"

namespace tarn::tools {

/// The first argument of a child, before the name of its work; no user types it.
inline constexpr const char* kChildWord = "--child-process";
/// The descriptor of its block.
inline constexpr int kChildBlockFd = 3;

/// Starts `tarn --child-process WORK` under `peer` with the block, and waits for its end.
///
/// The child shares nothing else with this process but standard error, and dies with it.
/// @returns empty when it exits with 0, else what has happened, as in "killed by signal 9".
/// @errors RunError when it can't be started.
[[nodiscard]] std::string run_child(std::string_view work, const Peer& peer,
                                    const SharedBlock& block);

/// To be called first in a child: it is killed when the parent ends, and called tarn in lists of
/// processes.
void follow_parent() noexcept;

/// In a child: empty when malloc is what `preload` brings (the C library's when empty), else
/// what it is.
[[nodiscard]] std::string foreign_malloc(std::string_view preload);

}  // namespace tarn::tools
