// SPDX-License-Identifier: Apache-2.0
// What a run of `tarn bench` was made on and with. Program tarn.
#pragma once

#include <vector>

#include "bench/bench_command.hpp"
#include "bench/bench_report.hpp"
#include "common/peers.hpp"

namespace tarn::tools {

/// Machine, kernel, compiler, C library, the peers' files, settings: name and text.
[[nodiscard]] std::vector<BenchSetting> run_settings(const BenchOptions& options,
                                                     const std::vector<Peer>& peers);

}  // namespace tarn::tools
