// SPDX-License-Identifier: Apache-2.0
// A memory fence whose whole price is paid by the rare side. Layer platform.
#pragma once

#include <atomic>

namespace tarn::platform {

/// Pairs with heavy_fence(): of two threads, one that does `store A; light_fence; load B` and one
/// that does `store B; heavy_fence; load A`, at least one sees the other's store, as if both fences
/// were sequentially consistent. Two light fences give nothing.
///
/// Costs no instruction: it keeps only the compiler from moving accesses across it.
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

/// Makes every thread of the process pass a full fence, and is one itself.
///
/// By membarrier(2), expedited where the kernel has it (4.14) and else global (4.3, milliseconds).
/// Where membarrier is missing or filtered, x86 changes the protection of a page, whose TLB
/// flush interrupts every processor that runs this process. Elsewhere it is fatal: ask
/// asymmetric_fence_available() before the first one.
///
/// @complexity one system call, microseconds.
void heavy_fence() noexcept;

/// Whether heavy_fence() works here; also does its one-time registration with the kernel, which is
/// cheapest while the process has one thread.
[[nodiscard]] bool asymmetric_fence_available() noexcept;

}  // namespace tarn::platform
