// SPDX-License-Identifier: Apache-2.0
// Where tarn's messages go. Layer base, public.
#pragma once

#include <functional>
#include <string_view>

namespace tarn {

/// How much a message matters, least first.
enum class LogLevel {
  debug,    ///< Settings in force, as name=value.
  info,     ///< What an operator may want to know.
  warning,  ///< A setting that is not used; something works worse than asked for.
  error,    ///< Misuse that was found and survived.
};

/// Gets every message, as one line without its end; the text lives until the sink returns.
///
/// Called by any thread, by one at a time; must not throw, which would end the program. It may call
/// set_log_sink(); what it makes tarn log meanwhile goes to stderr instead.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Has all further messages go to `sink`, whatever their level.
///
/// An empty sink means the default: a line on stderr for every message from the level up that the
/// environment variable TARN_LOG names: debug, info, warning (when it is unset), error or off.
/// A sink stays in use until the end of the process, static destruction included, unless it is
/// replaced; when this returns, no thread is inside the former one, except the caller itself.
///
/// @returns the sink before, empty for the default.
/// Thread safety: any thread, at any time; waits while another thread is inside the sink.
LogSink set_log_sink(LogSink sink);

}  // namespace tarn
