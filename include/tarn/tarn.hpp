// SPDX-License-Identifier: Apache-2.0
// All of tarn's public names; each header can be included by itself. Layer: buffer.
#pragma once

#include "tarn/allocator.hpp"           // IWYU pragma: export
#include "tarn/byte_buf.hpp"            // IWYU pragma: export
#include "tarn/byte_utils.hpp"          // IWYU pragma: export
#include "tarn/composite_byte_buf.hpp"  // IWYU pragma: export
#include "tarn/fast_thread_local.hpp"   // IWYU pragma: export
#include "tarn/log.hpp"                 // IWYU pragma: export
#include "tarn/recycler.hpp"            // IWYU pragma: export
#include "tarn/size_class_info.hpp"     // IWYU pragma: export
#include "tarn/version.hpp"             // IWYU pragma: export
