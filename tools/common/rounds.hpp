// SPDX-License-Identifier: Apache-2.0
// Rounds of several contestants, interleaved. Program tarn.
#pragma once

#include <cstddef>

namespace tarn::tools {

/// Calls run(contestant, round) for every contestant in round 0, then for every one in round 1: A B
/// A B. What changes on the machine in the meantime then meets all of them alike.
template <class Run>
void run_interleaved(std::size_t contestants, std::size_t rounds, Run run) {
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t contestant = 0; contestant < contestants; ++contestant) {
      run(contestant, round);
    }
  }
}

}  // namespace tarn::tools
