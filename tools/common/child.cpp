// SPDX-License-Identifier: Apache-2.0
// Runs this program again as a child process, with another malloc when wanted. Program tarn.
#include "common/child.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "common/exit_status.hpp"
#include "common/text.hpp"

extern char** environ;  // POSIX has it in no header

namespace tarn::tools {

namespace {

constexpr std::string_view kPreload = "LD_PRELOAD=";

/// This process's environment, but with `peer`'s preload or none.
std::vector<std::string> environment_for(const Peer& peer) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(kPreload)) all.emplace_back(*entry);
  }
  if (!peer.preload.empty()) all.push_back(concat(kPreload, peer.preload));
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// posix_spawn's list of what to do with descriptors.
class FileActions {
 public:
  FileActions() {
    if (::posix_spawn_file_actions_init(&actions_) != 0) throw std::bad_alloc();
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void pass_on(int from, int to) {
    if (::posix_spawn_file_actions_adddup2(&actions_, from, to) != 0) throw std::bad_alloc();
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::string wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw RunError(concat("lost a child process: ", errno_text(errno)));
  }
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return concat("killed by signal ", number, " (", ::strsignal(number), ")");
  }
  return WEXITSTATUS(status) == 0 ? std::string() : concat("exit status ", WEXITSTATUS(status));
}

}  // namespace

std::string run_child(std::string_view work, const Peer& peer, const SharedBlock& block) {
  std::vector<std::string> arguments = {"tarn", kChildWord, std::string(work)};
  std::vector<std::string> environment = environment_for(peer);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  FileActions actions;
  actions.pass_on(block.fd(), kChildBlockFd);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", actions.get(), nullptr,
                                  argument_pointers.data(), environment_pointers.data());
  if (error != 0) throw RunError(concat("can't start a child process: ", errno_text(error)));
  return wait_for_end(pid);
}

void follow_parent() noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "tarn");  // else "exe", from the path that it was started by
}

std::string foreign_malloc(std::string_view preload) {
  Dl_info info{};
  void* symbol = ::dlsym(RTLD_DEFAULT, "malloc");
  if (symbol == nullptr || ::dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) {
    return "malloc of an unknown library";
  }
  // Without a preload, malloc may be the C library's or a sanitizer's that this program is built
  // with: both are what the program's own malloc is.
  if (preload.empty()) return {};
  std::error_code error;
  if (std::filesystem::equivalent(info.dli_fname, std::filesystem::path(preload), error)) return {};
  return concat("malloc of ", info.dli_fname, " instead of ", preload);
}

}  // namespace tarn::tools
