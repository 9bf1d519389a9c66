// SPDX-License-Identifier: Apache-2.0
// Case of the recycler. Program tarn.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tarn/recycler.hpp>
#include <utility>
#include <vector>

#include "bench/bench_run.hpp"
#include "bench/keep.hpp"
#include "bench/pair_bodies.hpp"
#include "bench/ring.hpp"
#include "bench/subjects.hpp"
#include "bench/team.hpp"
#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr std::size_t kObjectSize = 128;  // bytes

struct Plain {
  std::array<std::byte, kObjectSize> body;
};

/// One that brings itself back.
struct Handled {
  explicit Handled(Recycler<Handled>::Handle own) noexcept : handle(own) {}

  Recycler<Handled>::Handle handle;
  std::array<std::byte, kObjectSize - sizeof(Recycler<Handled>::Handle)> body;
};

static_assert(sizeof(Plain) == kObjectSize && sizeof(Handled) == kObjectSize);

/// By its holder's end.
std::uint64_t get_and_drop(Recycler<Plain>& recycler, std::uint64_t n) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const Recycled<Plain> object = recycler.get();
    done += opaque(object.get()) != nullptr ? 1U : 0U;
  }
  return done;
}

/// By its handle, which looks for a second recycle: with an exchange, or by plain loads and stores.
template <bool kGuarded>
std::uint64_t get_and_recycle(Recycler<Handled>& recycler, std::uint64_t n) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    Handled* const object = opaque(&recycler.get_raw());
    done += object != nullptr ? 1U : 0U;
    if constexpr (kGuarded) {
      object->handle.recycle(object);
    } else {
      object->handle.unguarded_recycle(object);
    }
  }
  return done;
}

void record_form(BenchRun& run, const char* name, const RecyclerOptions& options) {
  Recycler<Plain> recycler([] { return Plain(); }, options);
  run.record(name, [&](std::uint64_t n) { return get_and_drop(recycler, n); });
}

void record_tarn(BenchRun& run) {
  Recycler<Handled> recycler([](Recycler<Handled>::Handle own) { return Handled(own); },
                             RecyclerOptions());
  run.record("guarded", [&](std::uint64_t n) { return get_and_recycle<true>(recycler, n); });
  run.record("unguarded", [&](std::uint64_t n) { return get_and_recycle<false>(recycler, n); });
  record_form(run, "owned", RecyclerOptions());
  RecyclerOptions pinned;
  pinned.form = RecyclerForm::pinned;
  pinned.guard = Guard::unchecked;
  record_form(run, "pinned", pinned);
  RecyclerOptions shared;
  shared.form = RecyclerForm::shared;
  record_form(run, "shared", shared);
}

/// Objects that wait on a vector, one for each thread.
struct VectorSubject : PlainItems {
  static void* take(std::size_t size) {
    std::vector<void*>& waiting = waiting_.objects;
    if (waiting.empty()) [[unlikely]]
      return NewSubject::take(size);
    void* const memory = waiting.back();
    waiting.pop_back();
    return memory;
  }
  static void end(Item& item, std::size_t) { waiting_.objects.push_back(item); }

 private:
  struct Waiting {
    ~Waiting() {
      for (void* const object : objects) ::operator delete(object);
    }
    std::vector<void*> objects;
  };
  static inline thread_local Waiting waiting_;
};

std::uint64_t exchange(std::atomic<std::uint32_t>& word, std::uint64_t n) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    // Acquire and release: as a guard would use it; on x86 all orders of it are one instruction.
    done += opaque_value(word.exchange(1, std::memory_order_acq_rel));
  }
  return done;
}

}  // namespace

void run_recycler(BenchRun& run) {
  const auto record = [&](const char* name, auto subject) {
    run.record(name,
               [&](std::uint64_t n) { return take_and_give<false>(subject, kObjectSize, n); });
  };
  if (run.is_tarn()) {
    record_tarn(run);
  } else if (run.is_floor()) {
    record("list", ListSubject<true>());
    record("vector", VectorSubject());
    std::atomic<std::uint32_t> word{1};
    run.record("exchange", [&](std::uint64_t n) { return exchange(word, n); });
  } else {
    record("new", NewSubject());
  }
}

namespace {

/// Objects of a recycler as what is taken and given.
class RecycledSubject {
 public:
  using Item = Recycled<Plain>;

  explicit RecycledSubject(Recycler<Plain>& recycler) noexcept : recycler_(recycler) {}
  Item take(std::size_t) { return recycler_.get(); }
  static void* bytes(Item& item) noexcept { return opaque(item.get()); }
  static void give(Item& item, std::size_t) noexcept { item.reset(); }

 private:
  Recycler<Plain>& recycler_;
};

/// One thread makes objects and sends them, the other lets them go.
template <class Subject>
struct RelayWork {
  using Item = typename Subject::Item;

  Subject subject;
  Ring<Item>& ring;
  bool sends;

  std::uint64_t lap(std::uint64_t n) {
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      Item item = sends ? subject.take(kObjectSize) : ring.pop();
      done += subject.bytes(item) != nullptr ? 1U : 0U;
      if (sends) {
        ring.push(std::move(item));
      } else {
        subject.give(item, kObjectSize);
      }
    }
    if (sends) ring.flush();
    return done;
  }
};

/// 10 million objects where a sample has its usual 2 ms.
std::uint64_t relay_objects(const BenchRun& run) {
  constexpr std::uint64_t kObjectsANanosecond = 5;
  return std::max<std::uint64_t>(kRingSize, run.spec().sample_ns * kObjectsANanosecond);
}

/// One long sample, so that what is created can be compared with what goes through.
template <class Subject>
std::vector<double> relay(const BenchRun& run, Subject subject) {
  using Work = RelayWork<Subject>;
  const auto ring = std::make_unique<Ring<typename Subject::Item>>();
  Team<Work> team(2, [&](std::uint32_t thread) { return Work{subject, *ring, thread == 0}; });
  const std::uint64_t n = relay_objects(run);
  static_cast<void>(team.lap(n / 16 + 1));
  const Lap lap = team.lap(n);
  if (lap.done != n) throw RunError(concat("did ", lap.done, " of ", n, " operations"));
  return {static_cast<double>(lap.ns) / static_cast<double>(n)};
}

}  // namespace

void run_recycler_ring(BenchRun& run) {
  if (run.is_floor()) {
    run.keep_samples("ring", relay(run, SameSubject()));
  } else if (run.is_peer()) {
    run.keep_samples("new", relay(run, NewSubject()));
  } else {
    RecyclerOptions options;
    options.ratio = 1;  // every object is pooled: a ring of them is needed again and again
    Recycler<Plain> recycler([] { return Plain(); }, options);
    const std::vector<double> samples = relay(run, RecycledSubject(recycler));
    const std::uint64_t created = recycler.stats().created;
    const std::uint64_t allowed = 3 * kRingSize + options.max_capacity_per_thread;
    if (created > allowed)
      throw RunError(concat("created ", created, " objects, at most ", allowed, " are needed"));
    run.keep_samples("owned", samples, created);
  }
}

}  // namespace tarn::tools
