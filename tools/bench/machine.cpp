// SPDX-License-Identifier: Apache-2.0
// What a run of `tarn bench` was made on and with. Program tarn.
#include "bench/machine.hpp"

#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "common/pinning.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string kernel() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return concat(name.sysname, " ", name.release, " ", name.machine);
}

constexpr const char* compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

constexpr const char* build() {
#if defined(__OPTIMIZE__) && defined(NDEBUG)
  return "optimised";
#else
  return "not optimised: its figures mean nothing";
#endif
}

/// The library's own file name, which has its version, behind all links.
std::string library_name(const Peer& peer) {
  std::error_code error;
  const auto file = std::filesystem::canonical(peer.preload, error);
  return error ? peer.preload : file.filename().string();
}

}  // namespace

std::vector<BenchSetting> run_settings(const BenchOptions& options,
                                       const std::vector<Peer>& peers) {
  std::vector<BenchSetting> settings = {
      {"processor", concat(core_count(), " x ", processor())},
      {"kernel", kernel()},
      {"compiler", compiler()},
      {"build", build()},
      {"malloc", concat("glibc ", ::gnu_get_libc_version())},
  };
  for (const Peer& peer : peers) {
    if (!peer.preload.empty()) settings.emplace_back(peer.name, library_name(peer));
  }
  settings.emplace_back("rounds", std::to_string(options.rounds));
  settings.emplace_back("sample_us", std::to_string(options.sample_us));
  return settings;
}

}  // namespace tarn::tools
