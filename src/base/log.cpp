// SPDX-License-Identifier: Apache-2.0
// The sink in use and the default one. Layer base.
#include "tarn/log.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "tarn/detail/base/log.hpp"

namespace tarn {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};
constexpr int kOff = static_cast<int>(kLevelNames.size());
constexpr int kUnread = -1;

/// The user's sink and who is inside it.
///
/// A sink runs under `mutex`. When it replaces itself, the new one waits in `next` until the old
/// has returned: a function object must not be destroyed while it runs.
struct UserSink {
  std::mutex mutex;
  LogSink sink;                 // guarded by mutex; empty: the default
  std::optional<LogSink> next;  // touched only by the thread that is inside
  // Relaxed both: a hint, looked at again under the mutex; and a thread only asks whether it is
  // itself inside, which it has written itself.
  std::atomic<bool> is_set{false};
  std::atomic<std::thread::id> inside{};

  [[nodiscard]] bool is_inside() const noexcept {
    return inside.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  void enter() noexcept { inside.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  void leave() noexcept { inside.store({}, std::memory_order_relaxed); }

  /// Puts `sink_now` in place. @returns the one before. @pre mutex is held.
  [[nodiscard]] LogSink replace(LogSink sink_now) noexcept {
    sink.swap(sink_now);
    is_set.store(static_cast<bool>(sink), std::memory_order_relaxed);
    return sink_now;
  }
};

/// Never destroyed, so that static destructors can log.
[[nodiscard]] UserSink& user_sink() noexcept {
  alignas(UserSink) static std::byte storage[sizeof(UserSink)];
  static UserSink* const instance = new (storage) UserSink;
  return *instance;
}

// Relaxed: a number that is the same whoever reads the environment; see threshold().
constinit std::atomic<int> known_threshold{kUnread};

/// One line in one system call, so that lines of several threads don't mix.
void write_line(LogLevel level, std::string_view message) noexcept {
  const std::string_view name = kLevelNames[static_cast<std::size_t>(level)];
  const std::array<std::string_view, 5> parts = {"tarn: ", name, ": ", message, "\n"};
  std::array<iovec, parts.size()> pieces{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // writev only reads, but its type serves readv too.
    pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  // A message that stderr does not take is lost; there is nowhere to say so.
  [[maybe_unused]] const auto written =
      ::writev(STDERR_FILENO, pieces.data(), static_cast<int>(pieces.size()));
}

[[nodiscard]] int parse_threshold(std::string_view value) noexcept {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (base::equals_in_any_case(value, kLevelNames[i])) return static_cast<int>(i);
  }
  return base::equals_in_any_case(value, "off") ? kOff : kUnread;
}

/// The lowest level that the default sink writes; TARN_LOG is read at the first call.
[[nodiscard]] int threshold() noexcept {
  const int known = known_threshold.load(std::memory_order_relaxed);
  if (known != kUnread) [[likely]]
    return known;
  const char* const variable = std::getenv("TARN_LOG");
  const std::string_view value = base::trimmed(variable == nullptr ? "" : variable);
  const int parsed = value.empty() ? kUnread : parse_threshold(value);
  const int used = parsed == kUnread ? static_cast<int>(LogLevel::warning) : parsed;
  int expected = kUnread;
  const bool is_first =
      known_threshold.compare_exchange_strong(expected, used, std::memory_order_relaxed);
  if (is_first && parsed == kUnread && !value.empty()) {
    // Only the default sink asks for the threshold, so the default sink it is that says this.
    std::array<char, 200> text{};  // bytes; a longer value is cut off, without memory for it
    std::size_t used_bytes = 0;
    for (const std::string_view part :
         {std::string_view("TARN_LOG=\""), value.substr(0, 80),
          std::string_view(
              "\" is none of debug, info, warning, error, off; using warning instead")}) {
      used_bytes += part.copy(text.data() + used_bytes, text.size() - used_bytes);
    }
    write_line(LogLevel::warning, {text.data(), used_bytes});
  }
  return used;
}

void log_by_default(LogLevel level, std::string_view message) noexcept {
  if (static_cast<int>(level) >= threshold()) write_line(level, message);
}

/// Runs the sink once. @pre the mutex is held by `lock`, and the sink is not empty.
void call_sink(UserSink& user, std::unique_lock<std::mutex> lock, LogLevel level,
               std::string_view message) noexcept {
  user.enter();
  user.sink(level, message);
  user.leave();
  if (!user.next) return;
  // Destroyed after the mutex is free: the destructor is user code that may log.
  const LogSink former = user.replace(*std::exchange(user.next, std::nullopt));
  lock.unlock();
}

}  // namespace

LogSink set_log_sink(LogSink sink) {
  UserSink& user = user_sink();
  if (user.is_inside()) {
    LogSink former = user.next ? *user.next : user.sink;
    user.next = std::move(sink);
    return former;
  }
  const std::lock_guard lock(user.mutex);
  return user.replace(std::move(sink));
}

namespace base {

void log(LogLevel level, std::string_view message) noexcept {
  UserSink& user = user_sink();
  if (user.is_set.load(std::memory_order_relaxed) && !user.is_inside()) {
    std::unique_lock lock(user.mutex);
    if (user.sink) return call_sink(user, std::move(lock), level, message);
  }
  log_by_default(level, message);
}

bool log_enabled(LogLevel level) noexcept {
  return user_sink().is_set.load(std::memory_order_relaxed) ||
         static_cast<int>(level) >= threshold();
}

void log_last_words(std::string_view message) noexcept {
  UserSink& user = user_sink();
  if (!user.is_set.load(std::memory_order_relaxed) || user.is_inside()) return;
  const std::unique_lock lock(user.mutex, std::try_to_lock);
  if (lock.owns_lock() && user.sink) user.sink(LogLevel::error, message);
}

}  // namespace base
}  // namespace tarn
