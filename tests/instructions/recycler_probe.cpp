// SPDX-License-Identifier: Apache-2.0
// The cost of getting one object and recycling it, by the ways a recycler offers.
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tarn/recycler.hpp"

namespace {

using tarn::Guard;
using tarn::Recycler;
using tarn::RecyclerForm;
using tarn::RecyclerOptions;

struct Object {
  Recycler<Object>::Handle handle;
  std::array<char, 120> payload{};
};

void keep(Object* object) { asm volatile("" ::"r"(object) : "memory"); }

[[gnu::noinline]] void by_holder(Recycler<Object>& recycler, long n) {
  for (long i = 0; i < n; ++i) {
    const auto object = recycler.get();
    keep(object.get());
  }
}

[[gnu::noinline]] void by_handle(Recycler<Object>& recycler, long n) {
  for (long i = 0; i < n; ++i) {
    Object& object = recycler.get_raw();
    keep(&object);
    object.handle.recycle(&object);
  }
}

[[gnu::noinline]] void by_handle_unguarded(Recycler<Object>& recycler, long n) {
  for (long i = 0; i < n; ++i) {
    Object& object = recycler.get_raw();
    keep(&object);
    object.handle.unguarded_recycle(&object);
  }
}

[[gnu::noinline]] void by_reference(Recycler<Object>& recycler, long n) {
  for (long i = 0; i < n; ++i) {
    Object& object = recycler.get_raw();
    keep(&object);
    recycler.recycle(object);
  }
}

/// Sixteen at a time, so that all but one go by the array.
[[gnu::noinline]] void by_sixteen(Recycler<Object>& recycler, long n) {
  std::array<tarn::Recycled<Object>, 16> held;
  for (long i = 0; i < n; ++i) {
    for (auto& object : held) object = recycler.get();
    for (auto& object : held) object.reset();
  }
}

struct Case {
  const char* name;
  void (*run)(Recycler<Object>&, long);
  RecyclerForm form;
  Guard guard;
};

constexpr std::array kCases = {
    Case{"pinned_unchecked", by_holder, RecyclerForm::pinned, Guard::unchecked},
    Case{"pinned_checked", by_holder, RecyclerForm::pinned, Guard::checked},
    Case{"pinned_unguarded", by_handle_unguarded, RecyclerForm::pinned, Guard::checked},
    Case{"pinned_guarded", by_handle, RecyclerForm::pinned, Guard::checked},
    Case{"unchecked", by_holder, RecyclerForm::per_thread, Guard::unchecked},
    Case{"holder", by_holder, RecyclerForm::per_thread, Guard::checked},
    Case{"unguarded", by_handle_unguarded, RecyclerForm::per_thread, Guard::checked},
    Case{"guarded", by_handle, RecyclerForm::per_thread, Guard::checked},
    Case{"reference", by_reference, RecyclerForm::per_thread, Guard::checked},
    Case{"sixteen", by_sixteen, RecyclerForm::per_thread, Guard::checked},
    Case{"shared", by_holder, RecyclerForm::shared, Guard::checked},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::thread([] {}).join();  // else the C library leaves its locks out
  for (const Case& probe : kCases) {
    if (std::strcmp(argv[1], probe.name) != 0) continue;
    RecyclerOptions options;
    options.form = probe.form;
    options.guard = probe.guard;
    options.ratio = 0;
    Recycler<Object> recycler([](Recycler<Object>::Handle handle) { return Object{handle}; },
                              options);
    probe.run(recycler, 100);
    probe.run(recycler, std::atol(argv[2]));
    return 0;
  }
  return 2;
}
