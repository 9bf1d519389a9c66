// SPDX-License-Identifier: Apache-2.0
// The allocators that the program runs, and the shared libraries that bring them. Program tarn.
#include "common/peers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "common/exit_status.hpp"
#include "common/list.hpp"
#include "common/output.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

namespace fs = std::filesystem;

struct KnownPeer {
  std::string_view name;
  std::array<std::string_view, 3> files;  // the first that is found is taken
};

constexpr std::array<KnownPeer, 4> kKnownPeers = {{
    {"jemalloc", {"libjemalloc.so.2", "libjemalloc.so"}},
    {"mimalloc", {"libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so"}},
    {"tcmalloc", {"libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so"}},
    {"tbb", {"libtbbmalloc_proxy.so.2", "libtbbmalloc_proxy.so"}},
}};

std::string find_library(const KnownPeer& known, const std::vector<fs::path>& folders) {
  for (const std::string_view file : known.files) {
    if (file.empty()) continue;
    for (const fs::path& folder : folders) {
      std::error_code error;
      const fs::path path = folder / file;
      if (fs::is_regular_file(path, error)) return path.string();
    }
  }
  return {};
}

}  // namespace

std::vector<fs::path> library_folders() {
  return {"/usr/local/lib",
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/lib/x86_64-linux-gnu",
          "/lib/aarch64-linux-gnu",
          "/usr/lib64",
          "/usr/lib"};
}

Peers::Peers(const std::vector<fs::path>& folders) {
  entries_.push_back({Peer{std::string(kTarn), {}}, true});
  entries_.push_back({Peer{std::string(kMalloc), {}}, true});
  for (const KnownPeer& known : kKnownPeers) {
    const std::string file = find_library(known, folders);
    entries_.push_back({Peer{std::string(known.name), file}, !file.empty()});
  }
}

void Peers::add_preload(std::string_view name_and_file) {
  const std::size_t equals = name_and_file.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == name_and_file.size()) {
    throw UsageError(concat("--preload: '", name_and_file, "' is not NAME=FILE"));
  }
  const std::string name(name_and_file.substr(0, equals));
  std::string file(name_and_file.substr(equals + 1));
  if (name == kTarn || name == kMalloc || name.find(',') != std::string::npos) {
    throw UsageError(concat("--preload: '", name, "' can't be the name of a library"));
  }
  if (::access(file.c_str(), R_OK) != 0) {
    throw UsageError(concat("--preload: ", file, ": ", errno_text(errno)));
  }
  file = fs::absolute(file).string();
  // The dynamic linker splits its list at these, and has no way to quote them.
  if (file.find_first_of(" :") != std::string::npos) {
    throw UsageError(concat("--preload: ", file, ": a path with a blank or a colon"));
  }
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.peer.name == name; });
  if (known == entries_.end()) {
    entries_.push_back({Peer{name, file}, true});
  } else {
    *known = {Peer{name, file}, true};
  }
  if (std::find(added_.begin(), added_.end(), name) == added_.end()) added_.push_back(name);
}

std::vector<std::string> Peers::names() const {
  std::vector<std::string> all;
  for (const Entry& entry : entries_) all.push_back(entry.peer.name);
  return all;
}

std::vector<Peer> Peers::find(std::span<const std::string> names,
                              std::vector<std::string>& missing) const {
  std::vector<Peer> found;
  for (const std::string& name : names) {
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.peer.name == name; });
    if (entry != entries_.end() && entry->installed) {
      found.push_back(entry->peer);
    } else {
      missing.push_back(name);
    }
  }
  return found;
}

std::vector<Peer> choose_peers(std::string_view option, std::string_view list, const Peers& known) {
  std::vector<std::string> names = parse_list(option, list, known.names());
  for (const std::string& added : known.added()) {
    if (std::find(names.begin(), names.end(), added) == names.end()) names.push_back(added);
  }
  std::vector<std::string> missing;
  std::vector<Peer> found = known.find(names, missing);
  for (const std::string& name : missing) {
    say(concat(name, ": its shared library is not installed; left out"));
  }
  if (found.empty()) throw UsageError(concat(option, ": none of them is installed"));
  return found;
}

void set_preload(std::span<char> to, const Peer& peer) {
  if (peer.preload.size() >= to.size()) {
    throw UsageError(concat(peer.preload, ": a path that long can't be preloaded"));
  }
  copy_text(to, peer.preload);
}

}  // namespace tarn::tools
