// SPDX-License-Identifier: Apache-2.0
// A program that loads a plugin while it runs, uses it in several threads and lets it go.
//
// It knows nothing of tarn. What it shows: the plugin finds static TLS when it is loaded late, its
// thread-exit hooks run, and after dlclose() no ending thread calls into memory that is gone.
#include <dlfcn.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <thread>

namespace {

using Work = int (*)(int seed);

constexpr int kThreads = 4;
constexpr int kCalls = 50;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "dlopen_host: %s\n", what);
  std::exit(1);
}

class Plugin {
 public:
  explicit Plugin(const char* path) : handle_(::dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) fail(::dlerror());
    work_ = reinterpret_cast<Work>(::dlsym(handle_, "plugin_work"));
    if (work_ == nullptr) fail(::dlerror());
  }
  ~Plugin() { close(); }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  void close() {
    if (handle_ != nullptr && ::dlclose(handle_) != 0) fail(::dlerror());
    handle_ = nullptr;
  }
  /// Calls the plugin `count` times; in a new thread its own count starts at 1.
  void work(int seed, int count = kCalls) const {
    int calls = work_(seed);
    if (calls < 1) fail("a buffer lost its bytes");
    for (int i = 1; i < count; ++i) {
      if (work_(seed) != ++calls) fail("a buffer lost its bytes, or a thread-local its value");
    }
  }

 private:
  void* handle_;
  Work work_ = nullptr;
};

template <class Body>
void in_threads(Body body) {
  std::array<std::thread, kThreads> threads;
  for (int i = 0; i < kThreads; ++i) threads[static_cast<std::size_t>(i)] = std::thread(body, i);
  for (std::thread& thread : threads) thread.join();
}

void threads_end_before_the_plugin_goes(const char* path) {
  const Plugin plugin(path);
  in_threads([&](int seed) { plugin.work(seed); });
}

void threads_outlive_the_plugin(const char* path) {
  Plugin plugin(path);
  std::latch worked(kThreads);
  std::latch closed(1);
  std::thread closer([&] {
    worked.wait();
    plugin.close();
    closed.count_down();
  });
  in_threads([&](int seed) {
    plugin.work(seed);
    worked.count_down();
    closed.wait();
  });
  closer.join();
}

void threads_older_than_the_plugin_use_it(const char* path) {
  std::latch loaded(1);
  std::atomic<const Plugin*> shared = nullptr;
  std::thread loader([&] {
    const Plugin plugin(path);
    shared = &plugin;
    loaded.count_down();
    in_threads([&](int seed) { plugin.work(seed); });
    while (shared != nullptr) std::this_thread::yield();
  });
  loaded.wait();
  shared.load()->work(7);  // by the main thread, which was there before
  shared = nullptr;
  loader.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) fail("usage: dlopen_host PLUGIN");
  threads_end_before_the_plugin_goes(argv[1]);
  threads_outlive_the_plugin(argv[1]);
  // More often than a process has pthread keys (1024), so that one lost a round shows.
  for (int round = 0; round < 1100; ++round) {
    Plugin plugin(argv[1]);
    std::thread([&] { plugin.work(round, 1); }).join();
    plugin.close();
    if (::dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != nullptr) fail("the plugin stays loaded");
  }
  threads_older_than_the_plugin_use_it(argv[1]);
  threads_older_than_the_plugin_use_it(argv[1]);  // loaded again, or still: either way it works
  return 0;
}
