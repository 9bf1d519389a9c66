// SPDX-License-Identifier: Apache-2.0
// Emptying the calling thread's slots, by its own wish or because it ends. Layer: tls.
#pragma once

namespace tarn::tls {

/// Removes the calling thread's values and forgets the thread; what a callback throws ends the
/// program. Called at the thread's end, once more if it makes values after that.
void end_thread() noexcept;

}  // namespace tarn::tls
