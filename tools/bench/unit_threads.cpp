// SPDX-License-Identifier: Apache-2.0
// Cases of several threads that allocate and release. Program tarn.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tarn/allocator.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "bench/bench_run.hpp"
#include "bench/pair_bodies.hpp"
#include "bench/ring.hpp"
#include "bench/subjects.hpp"
#include "bench/team.hpp"
#include "common/exit_status.hpp"
#include "common/text.hpp"

namespace tarn::tools {

namespace {

constexpr std::uint32_t kTwo = 2;  // threads

/// What threads have returned to others' caches must stay below its ceiling.
void require_pending_below_ceiling() {
  const PooledAllocator& allocator = PooledAllocator::shared();
  const PooledAllocatorStats stats = allocator.stats();
  const std::uint64_t ceiling =
      stats.thread_caches * allocator.options().max_pending_bytes_per_thread;
  if (stats.pending_bytes <= ceiling) return;
  throw RunError(concat("pending ", stats.pending_bytes, " bytes, the ceiling of ",
                        stats.thread_caches, " threads is ", ceiling));
}

/// Laps of a team; behind each, tarn's promises are looked at.
template <class TheTeam>
void record_team(BenchRun& run, const char* name, TheTeam& team) {
  run.record_laps(name, run.spec_times(2), [&](std::uint64_t n) {
    const Lap lap = team.lap(n);
    if (run.is_tarn()) require_pending_below_ceiling();
    return lap;
  });
}

template <class Subject>
struct PairWork {
  Subject subject;
  std::size_t size;

  std::uint64_t lap(std::uint64_t n) { return take_and_give<false>(subject, size, n); }
};

/// One thread takes and sends, the other receives and lets go.
template <class Subject>
struct CrossWork {
  using Item = typename Subject::Item;

  Subject subject;
  std::size_t size;
  Ring<Item>& ring;
  bool sends;

  std::uint64_t lap(std::uint64_t n) { return sends ? send(n) : receive(n); }

  std::uint64_t send(std::uint64_t n) {
    const Ink ink;
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      Item item = subject.take(size);
      std::byte* const bytes = subject.bytes(item);
      touch(bytes, kSmallestTouched, kSmallestTouched, ink);
      done += bytes != nullptr ? 1U : 0U;
      ring.push(std::move(item));
    }
    ring.flush();
    return done;
  }

  std::uint64_t receive(std::uint64_t n) {
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      Item item = ring.pop();
      done += subject.bytes(item) != nullptr ? 1U : 0U;
      subject.give(item, size);
    }
    return done;
  }
};

/// One thread asks, the other answers; each takes what it sends and lets go what it gets.
template <class Subject>
struct PingPongWork {
  using Item = typename Subject::Item;

  static constexpr std::uint64_t kUnderWay = 64;  // questions without an answer, at most

  Subject subject;
  std::size_t size;
  Ring<Item>& questions;
  Ring<Item>& answers;
  bool asks;

  std::uint64_t lap(std::uint64_t n) { return asks ? ask(n) : answer(n); }

  std::uint64_t ask(std::uint64_t n) {
    std::uint64_t done = 0;
    for (std::uint64_t asked = 0, answered = 0; answered < n; ++answered) {
      for (; asked < n && asked - answered < kUnderWay; ++asked) questions.push(make());
      questions.flush();
      done += let_go(answers.pop());
    }
    return done;
  }

  std::uint64_t answer(std::uint64_t n) {
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      done += let_go(questions.pop());
      answers.push(make());
      answers.flush();
    }
    return done;
  }

  Item make() {
    Item item = subject.take(size);
    touch(subject.bytes(item), kSmallestTouched, kSmallestTouched, ink);
    return item;
  }
  std::uint64_t let_go(Item item) {
    const bool there = subject.bytes(item) != nullptr;
    subject.give(item, size);
    return there ? 1U : 0U;
  }

  Ink ink{};
};

/// A thread that takes and gives a while, and ends.
template <class Subject>
std::uint64_t live_and_end(const Subject& subject, const std::vector<std::uint32_t>& sizes,
                           std::size_t start) {
  constexpr std::size_t kLive = 32;  // objects that such a short life has at once
  std::uint64_t done = 0;
  std::thread life([&] {
    Window<Subject, kLive> window(subject, sizes, start);
    done = window.lap(kLifeAllocations);
  });
  life.join();
  return done == kLifeAllocations ? 1U : 0U;
}

}  // namespace

void run_two(BenchRun& run) {
  for_each_subject(run, [&](const char* name, auto subject) {
    using Work = PairWork<decltype(subject)>;
    Team<Work> team(kTwo, [&](std::uint32_t) { return Work{subject, run.size()}; });
    record_team(run, name, team);
  });
}

void run_many(BenchRun& run) {
  const std::vector<std::uint32_t> sizes = log_uniform_sizes(kLeastSmall, kMostSmall);
  for_each_subject(run, [&](const char* name, auto subject) {
    using Work = Window<decltype(subject)>;
    constexpr std::size_t kApart = 61;  // no two threads go through the sizes in step
    Team<Work> team(kManyThreads,
                    [&](std::uint32_t thread) { return Work(subject, sizes, thread * kApart); });
    record_team(run, name, team);
  });
}

void run_cross(BenchRun& run) {
  const auto cross = [&](const char* name, auto subject) {
    using Work = CrossWork<decltype(subject)>;
    const auto ring = std::make_unique<Ring<typename Work::Item>>();
    Team<Work> team(kTwo, [&](std::uint32_t thread) {
      return Work{subject, run.size(), *ring, thread == 0};
    });
    record_team(run, name, team);
  };
  if (run.is_floor()) {
    cross("ring", SameSubject());
  } else {
    for_each_subject(run, cross);
  }
}

void run_ping_pong(BenchRun& run) {
  const auto ping_pong = [&](const char* name, auto subject) {
    using Work = PingPongWork<decltype(subject)>;
    const auto rings = std::make_unique<std::array<Ring<typename Work::Item>, 2>>();
    Team<Work> team(kTwo, [&](std::uint32_t thread) {
      return Work{subject, run.size(), (*rings)[0], (*rings)[1], thread == 0};
    });
    record_team(run, name, team);
  };
  if (run.is_floor()) {
    ping_pong("ring", SameSubject());
  } else {
    for_each_subject(run, ping_pong);
  }
}

void run_churn(BenchRun& run) {
  const std::vector<std::uint32_t> sizes = log_uniform_sizes(kLeastSmall, kMostSmall);
  const auto churn = [&](const char* name, const auto& subject) {
    std::size_t start = 0;
    run.record_laps(name, run.spec_times(2), [&](std::uint64_t n) {
      return timed(
          [&](std::uint64_t lives) {
            std::uint64_t done = 0;
            for (std::uint64_t i = 0; i < lives; ++i) {
              done += live_and_end(subject, sizes, start);
              start += kLifeAllocations;
            }
            return done;
          },
          n);
    });
  };
  if (run.is_floor()) {
    churn("thread", SameSubject());
  } else {
    for_each_subject(run, churn);
  }
}

}  // namespace tarn::tools
