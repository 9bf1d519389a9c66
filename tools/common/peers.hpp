// SPDX-License-Identifier: Apache-2.0
// The allocators that the program runs, and the shared libraries that bring them. Program tarn.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::tools {

inline constexpr std::string_view kTarn = "tarn";
inline constexpr std::string_view kMalloc = "malloc";  // the C library's

/// An allocator that a child process runs with.
struct Peer {
  std::string name;
  std::string preload;  // file to be preloaded; empty: none
};

/// Where shared libraries are looked for, in this order.
[[nodiscard]] std::vector<std::filesystem::path> library_folders();

/// Which allocators there are, and where.
///
/// Thread safety: immutable after the last add_preload.
class Peers {
 public:
  explicit Peers(const std::vector<std::filesystem::path>& folders = library_folders());

  /// Adds or replaces one by a user's "NAME=FILE".
  ///
  /// @errors UsageError: no such form, a name of tarn's own, a file that can't be read or
  /// preloaded.
  void add_preload(std::string_view name_and_file);

  /// Every name that there is, installed or not; those added come last.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Names of the peers that add_preload brought.
  [[nodiscard]] const std::vector<std::string>& added() const noexcept { return added_; }

  /// The peers of `names` that are installed, in that order; `missing` gets the others' names.
  [[nodiscard]] std::vector<Peer> find(std::span<const std::string> names,
                                       std::vector<std::string>& missing) const;

 private:
  struct Entry {
    Peer peer;
    bool installed;
  };

  std::vector<Entry> entries_;
  std::vector<std::string> added_;
};

/// The installed peers of an option's comma-separated list and, behind them, those that were added;
/// says of each of the others that it is left out.
///
/// @errors UsageError: a name that there is not, or none that is installed.
[[nodiscard]] std::vector<Peer> choose_peers(std::string_view option, std::string_view list,
                                             const Peers& known);

/// Leaves the file that a child's malloc must come from in the child's block.
///
/// @errors UsageError when it is too long.
void set_preload(std::span<char> to, const Peer& peer);

}  // namespace tarn::tools
