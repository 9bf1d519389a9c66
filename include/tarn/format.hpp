// SPDX-License-Identifier: Apache-2.0
// Buffers in std::format and fmt, as operator<< describes them. Optional: it takes what there is.
// Layer: buffer.
#pragma once

#include <version>
#ifdef __cpp_lib_format
#include <format>
#endif
#if __has_include(<fmt/format.h>)
#include <fmt/format.h>
#endif

#include <string>
#include <string_view>

#include "tarn/byte_buf.hpp"

#ifdef __cpp_lib_format
template <tarn::detail::BufferLike B>
struct std::formatter<B> : std::formatter<std::string_view> {
  template <class Context>
  auto format(const B& buf, Context& context) const {
    return std::formatter<std::string_view>::format(tarn::describe(buf), context);
  }
};
#endif

#ifdef FMT_VERSION
template <tarn::detail::BufferLike B>
struct fmt::formatter<B> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const B& buf, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(tarn::describe(buf), context);
  }
};
#endif
