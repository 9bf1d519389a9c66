// SPDX-License-Identifier: Apache-2.0
// One replay of a script in this process, from start to end. Program tarn.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "common/phase_gate.hpp"
#include "common/shared_block.hpp"
#include "replay/pace.hpp"
#include "replay/player.hpp"
#include "replay/script.hpp"

namespace tarn::tools {

/// Writes that a step was refused, and why, into the result, and ends the process.
[[noreturn]] void refuse_step(ReplayResult& result, const Step& step, const char* why) noexcept;

/// A replay's phases. What is timed is the window: prologue and epilogue, in which a trace
/// allocates what lived before it and frees what is left, say nothing about the program that was
/// recorded.
inline constexpr std::size_t kPhases = 3;
inline constexpr std::size_t kWindow = 1;

/// The threads and memory of one replay, all there before anything is measured.
///
/// Thread safety: one thread, which then plays alone or conducts the others.
template <class Backend, bool kThreaded, bool kMeasured>
class Performance {
 public:
  using Cell = typename Backend::Cell;

  /// Everything that the replay itself needs is made and resident behind this.
  explicit Performance(const SharedBlock& block)
      : request_(request_of(block)),
        result_(result_of(block)),
        threads_(block.at<ThreadSteps>(request_.threads_at, request_.thread_count)),
        cell_block_(SharedBlock::create_private(request_.cell_count * sizeof(Cell))),
        stage_{block.at<Step>(request_.steps_at, request_.step_count),
               cell_block_.at<Cell>(0, request_.cell_count),
               block.at<Begin>(request_.begins_at, kThreaded ? request_.object_count : 0), nullptr},
        lane_block_(SharedBlock::create_private(request_.thread_count * sizeof(Lane))),
        lanes_(lane_block_.at<Lane>(0, request_.thread_count)),
        gate_(request_.thread_count),
        window_ends_(request_.thread_count),
        stamp_errors_(request_.thread_count) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      new (&lanes_[i]) Lane;
      lanes_[i].next.store(stage_.steps[threads_[i].prologue].place(), std::memory_order_relaxed);
    }
    // Alone, there is a second thread that does nothing: the C library and libstdc++ leave out
    // atomic operations until a process has one, which no server that uses threads profits from.
    for (std::uint32_t i = 0; i < request_.thread_count; ++i) {
      crew_.emplace_back([this, i] { kThreaded ? take_part(i) : idle(); });
    }
    gate_.wait_for_all();
  }

  /// Plays all phases. `between(phase)` is called before each phase, and once after the last, while
  /// no other thread is inside the backend.
  template <class Between>
  void run(const Backend& backend, MemoryWatch* watch, Between between) {
    stage_.watch = watch;
    backend_.emplace(backend);
    if constexpr (kThreaded) {
      for (std::size_t phase = 0; phase < kPhases; ++phase) {
        between(phase);
        const auto start = Clock::now();
        gate_.open();
        gate_.wait_for_all();
        if (phase == kWindow) set_window_ns(start);
      }
      end_crew();
    } else {
      Player<Backend, kThreaded, kMeasured> player(stage_, *backend_, nullptr);
      for (std::size_t phase = 0; phase < kPhases; ++phase) {
        between(phase);
        const auto start = Clock::now();
        play(player, 0, phase);
        window_ends_[0] = Clock::now();
        if (phase == kWindow) set_window_ns(start);
      }
      stamp_errors_[0] = player.stamp_errors();
      gate_.open();
      end_crew();
    }
    between(kPhases);
    count_stamp_errors();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void take_part(std::uint32_t own) {
    gate_.arrive();
    gate_.wait_for(1);  // the backend is there from here on
    Pace pace(lanes_, own, request_.lead);
    Player<Backend, kThreaded, kMeasured> player(stage_, *backend_, &pace);
    for (std::uint32_t phase = 0; phase < kPhases; ++phase) {
      gate_.wait_for(phase + 1);
      play(player, own, phase);
      if (phase == kWindow) window_ends_[own] = Clock::now();
      stamp_errors_[own] = player.stamp_errors();
      pace.before_sleep();
      gate_.arrive();
    }
  }

  void idle() {
    gate_.arrive();
    gate_.wait_for(1);
  }

  template <class ThePlayer>
  void play(ThePlayer& player, std::size_t thread, std::size_t phase) {
    const ThreadSteps& steps = threads_[thread];
    const std::array<std::size_t, kPhases + 1> bounds = {steps.prologue, steps.window,
                                                         steps.epilogue, steps.end};
    try {
      player.play(bounds[phase], bounds[phase + 1]);
    } catch (const std::exception& error) {
      refuse_step(result_, player.failed_step(), error.what());
    }
  }

  void set_window_ns(Clock::time_point start) {
    const auto end = *std::max_element(window_ends_.begin(), window_ends_.end());
    result_.window_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
  }

  void end_crew() {
    for (std::thread& thread : crew_) thread.join();
    crew_.clear();
  }

  void count_stamp_errors() {
    for (const StampErrors& errors : stamp_errors_) {
      if (result_.stamp_errors == 0) result_.first_bad_object = errors.first;
      result_.stamp_errors += errors.count;
    }
  }

  const ReplayRequest& request_;
  ReplayResult& result_;
  std::span<const ThreadSteps> threads_;
  SharedBlock cell_block_;
  Stage<Cell> stage_;
  SharedBlock lane_block_;
  std::span<Lane> lanes_;
  PhaseGate gate_;
  std::vector<Clock::time_point> window_ends_;
  std::vector<StampErrors> stamp_errors_;
  std::optional<Backend> backend_;
  std::vector<std::thread> crew_;
};

}  // namespace tarn::tools
