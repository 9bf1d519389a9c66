// SPDX-License-Identifier: Apache-2.0
// Plays one thread's steps on a backend. Program tarn.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>

#include "common/resident.hpp"
#include "replay/pace.hpp"
#include "replay/script.hpp"
#include "replay/stamp.hpp"

namespace tarn::tools {

/// Follows, in a replay that is not timed, what is live and what is resident.
/// Thread safety: any number of threads.
class MemoryWatch {
 public:
  MemoryWatch() : start_(resident_.bytes()) {}

  void begin(std::size_t size) noexcept {
    raise(peak_live_, live_.fetch_add(size, std::memory_order_relaxed) + size);
    // An object that comes and goes between two samples may be resident alone.
    if (size >= kLargeBytes) sample();
  }
  void end(std::size_t size) noexcept {
    if (size >= kLargeBytes) sample();
    live_.fetch_sub(size, std::memory_order_relaxed);
  }
  /// To be called after every event.
  void tick() noexcept {
    if (ticks_.fetch_add(1, std::memory_order_relaxed) % kEventsASample == 0) sample();
  }
  void sample() noexcept { raise(peak_resident_, above_start()); }

  /// Resident bytes above those when this was made; 0 below.
  [[nodiscard]] std::uint64_t above_start() const noexcept {
    const std::uint64_t now = resident_.bytes();
    return now > start_ ? now - start_ : 0;
  }
  [[nodiscard]] std::uint64_t peak_live() const noexcept {
    return peak_live_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t peak_resident() const noexcept {
    return peak_resident_.load(std::memory_order_relaxed);
  }

 private:
  // Bytes: below, no object changes the peak by more than a few percent of what is live at least.
  static constexpr std::size_t kLargeBytes = std::size_t{64} * 1024;
  // A sample takes about two microseconds: a second for the longest traces at this rate would be
  // too long, and in sixteen events below kLargeBytes nothing much happens.
  static constexpr std::uint64_t kEventsASample = 16;

  static void raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) noexcept {
    std::uint64_t seen = peak.load(std::memory_order_relaxed);
    while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  // All relaxed: figures, nothing is published by them.
  ResidentMemory resident_;
  std::uint64_t start_;
  std::atomic<std::uint64_t> live_{0};
  std::atomic<std::uint64_t> peak_live_{0};
  std::atomic<std::uint64_t> peak_resident_{0};
  std::atomic<std::uint64_t> ticks_{0};
};

/// Objects whose stamp was not what it should be.
struct StampErrors {
  std::uint64_t count = 0;
  std::uint32_t first = 0;

  void add(std::uint32_t object) noexcept {
    if (count++ == 0) first = object;
  }
};

/// What a player works on, the same for all threads.
template <class Cell>
struct Stage {
  std::span<const Step> steps;
  std::span<Cell> cells;
  std::span<const Begin> begins;  // with several threads
  MemoryWatch* watch;             // in a measured replay
};

/// One thread's part of a replay.
///
/// kThreaded: one of several threads, which waits for the others' objects; its steps' places are
/// numbers of events. Else alone; the places are cells. kMeasured: not timed, memory is watched.
/// Thread safety: one thread.
template <class Backend, bool kThreaded, bool kMeasured>
class Player {
 public:
  using Cell = typename Backend::Cell;

  Player(const Stage<Cell>& stage, Backend backend, Pace* pace) noexcept
      : stage_(stage), backend_(backend), pace_(pace) {}

  /// Plays the steps from `first` up to `last`, which is one of the thread's too, or its end.
  ///
  /// @errors what the backend throws; failed_step() is then the step that it was in.
  void play(std::size_t first, std::size_t last) {
    const Step* const end = &stage_.steps[last];
    for (const Step* step = &stage_.steps[first]; step != end; ++step) {
      current_ = step;
      if constexpr (kThreaded) pace_->start(step->place());
      switch (step->op()) {
        case StepOp::allocate:
          begin(*step, backend_.begin(cell(*step), step->size()));
          break;
        case StepOp::allocate_zeroed:
          begin(*step, backend_.begin_zeroed(cell(*step), step->size()));
          break;
        case StepOp::allocate_aligned:
          begin(*step, backend_.begin_aligned(cell(*step), step->size(), step->alignment()));
          break;
        case StepOp::resize:
          resize(step[0], step[1]);
          ++step;
          break;
        case StepOp::release:
          release(*step);
          break;
        case StepOp::resized:  // always consumed with the step before it
          break;
      }
      if constexpr (kThreaded) pace_->done_up_to(step[1].place());
      if constexpr (kMeasured) stage_.watch->tick();
    }
  }

  [[nodiscard]] const StampErrors& stamp_errors() const noexcept { return stamp_errors_; }
  [[nodiscard]] const Step& failed_step() const noexcept { return *current_; }

 private:
  Cell& cell(const Step& step) noexcept {
    return stage_.cells[kThreaded ? step.object() : step.place()];
  }

  void begin(const Step& step, unsigned char* data) {
    const Stamp stamp(step.object());
    // All of it where time does not count: as the program that was recorded will have done. With
    // its ends alone, a large object would be resident in two pages.
    kMeasured ? stamp.fill(data, step.size()) : stamp.write(data, step.size());
    backend_.publish(cell(step), data, step.size());
    if constexpr (kMeasured) stage_.watch->begin(step.size());
  }

  void check(const Step& step, const unsigned char* data) noexcept {
    const Stamp stamp(step.object());
    const bool whole = kMeasured ? stamp.fills(data, step.size()) : stamp.is_in(data, step.size());
    if (!whole) [[unlikely]]
      stamp_errors_.add(step.object());
  }

  Cell& wait_for_object(const Step& step) noexcept {
    Cell& its = cell(step);
    if constexpr (kThreaded) {
      if (!its.is_set()) [[unlikely]] {
        const Begin& begin = stage_.begins[step.object()];
        pace_->wait_for(begin.thread, begin.event);
      }
    }
    return its;
  }

  void resize(const Step& from, const Step& to) {
    Cell& old = wait_for_object(from);
    check(from, backend_.data(old));
    if constexpr (kMeasured) stage_.watch->end(from.size());
    unsigned char* const data =
        backend_.resize(old, cell(to), from.size(), from.alignment(), to.size());
    const Stamp stamp(from.object());
    const std::size_t kept = std::min(from.size(), to.size());
    const bool whole = kMeasured ? stamp.fills(data, kept) : stamp.is_at_head(data, kept);
    if (!whole) [[unlikely]]
      stamp_errors_.add(to.object());
    begin(to, data);
  }

  void release(const Step& step) {
    Cell& its = wait_for_object(step);
    check(step, backend_.data(its));
    if constexpr (kMeasured) stage_.watch->end(step.size());
    backend_.end(its, step.size(), step.alignment());
  }

  Stage<Cell> stage_;
  Backend backend_;
  Pace* pace_;
  const Step* current_ = nullptr;
  StampErrors stamp_errors_;
};

}  // namespace tarn::tools
