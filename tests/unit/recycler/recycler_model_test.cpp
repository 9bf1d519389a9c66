// SPDX-License-Identifier: Apache-2.0
// Random operations against a trivial model. Goal: a recycler hands out each object once, keeps to
// its bounds, forgets nothing, and its numbers add up, whatever threads do in whatever order.
// Method: threads that are stepped one at a time; after each step the recycler is audited, and its
// statistics are those of the model. Replay with --gtest_random_seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.hpp"
#include "support/lane.hpp"
#include "support/scale.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

using recycler::test::Factory;
using recycler::test::Object;
using test::Lane;

/// How objects come back: by all ways there are, or without handles, by recycle(T&) and their
/// holder's end, or only by the latter.
enum class Ways { all, references, holders };

struct Settings {
  const char* name;
  RecyclerOptions options;
  Ways ways = Ways::all;
};

constexpr std::size_t kLanes = 3;

/// What the model knows of one pool. Which of its objects comes next is known only of a batch.
struct Pool {
  std::size_t lane;  // whose it is; kLanes: nobody's any more, or all's
  std::uint32_t new_objects = 0;
  std::vector<Object*> waiting;
  std::vector<Object*> batch;  // of these, the owner's last, newest at the end
};

/// An object that somebody has.
struct Out {
  Object* object;
  Recycled<Object> holder;    // empty: of get_raw()
  std::optional<Pool*> home;  // none: noop or of an ended recycler; null: its pool has ended
  bool is_of_this_recycler = true;
};

class Model {
 public:
  Model(const Settings& settings, unsigned seed)
      : wanted_(settings.options), ways_(settings.ways), random_(seed) {
    for (auto& lane : lanes_) lane = std::make_unique<Lane>();
    begin();
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Takes up to `steps` steps, fewer where a change of threads is slow.
  void run(int steps) {
    constexpr auto kTime = std::chrono::seconds(1);
    constexpr int kLeastSteps = 200;
    const auto end = std::chrono::steady_clock::now() + kTime;
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      if (i >= kLeastSteps && std::chrono::steady_clock::now() > end) break;
      if (any(4) == 0) lane_ = any(kLanes);
      gets_ = (i / 64) % 2 == 0 ? 60 : 24;  // so that pools run empty, and over
      SCOPED_TRACE("step " + std::to_string(i) + ", lane " + std::to_string(lane_));
      step();
      check();
    }
    finish();
  }

 private:
  [[nodiscard]] bool is(RecyclerForm form) const { return options_.form == form; }
  [[nodiscard]] bool checked() const { return options_.guard == Guard::checked; }
  [[nodiscard]] std::size_t any(std::size_t bound) { return random_() % bound; }
  template <class F>
  void here(F&& f) {
    lanes_[lane_]->call(std::forward<F>(f));
  }

  void begin() {
    const std::size_t owner = is_pinned_ ? 0 : lane_;
    lanes_[owner]->call([&] {
      const Factory make;
      if (ways_ == Ways::all) {
        recycler_ = std::make_unique<Recycler<Object>>(make, wanted_);
      } else {
        recycler_ =
            std::make_unique<Recycler<Object>>([make] { return make(Object::Handle()); }, wanted_);
      }
    });
    options_ = recycler_->options();
    is_pinned_ = is(RecyclerForm::pinned);
    model_ = {};
    pools_.clear();
    if (!is(RecyclerForm::per_thread)) {
      pools_.push_back(std::make_unique<Pool>(Pool{is_pinned_ ? 0 : kLanes, 0, {}, {}}));
    }
  }

  void step() {
    const std::size_t what = any(100);
    if (what < gets_) {
      get();
    } else if (what < 84) {
      give_back();
    } else if (what < 88) {
      recycle_twice();
    } else if (what < 91) {
      recycle_by_another();
    } else if (what < 94) {
      trim();
    } else if (what < 96) {
      trim_all();
    } else if (what < 98) {
      end_lane();
    } else if (what < 99) {
      unpin();
    } else if (any(4) == 0) {
      end_recycler();
    }
  }

  // -- Pools ------------------------------------------------------------------------------------

  [[nodiscard]] Pool* pool_here() const {
    if (!is(RecyclerForm::per_thread)) return pools_.front().get();
    for (const auto& pool : pools_) {
      if (pool->lane == lane_) return pool.get();
    }
    return nullptr;
  }

  Pool& make_pool_here() {
    if (Pool* const known = pool_here()) return *known;
    pools_.push_back(std::make_unique<Pool>(Pool{lane_, 0, {}, {}}));
    return *pools_.back();
  }

  [[nodiscard]] bool has_batch(const Pool& pool) const {
    return pool.lane != kLanes && !is(RecyclerForm::shared) &&
           (!options_.batch_fast_threads_only || is_pinned_);
  }
  [[nodiscard]] bool is_my_batch(const Pool& pool) const {
    return pool.lane == lane_ && has_batch(pool);
  }

  [[nodiscard]] bool next_is_pooled(Pool& pool) {
    if (options_.max_capacity_per_thread == 0) return false;
    if (is(RecyclerForm::shared) || options_.ratio <= 1) return true;
    return pool.new_objects++ % options_.ratio == 0;
  }

  void forget_waiting(Pool& pool) {
    model_.destroyed += pool.waiting.size();
    pool.waiting.clear();
    pool.batch.clear();
  }

  // -- Steps ------------------------------------------------------------------------------------

  void get() {
    if (out_.size() >= kMostOut) return;
    if (is_pinned_ && !unpinned_) lane_ = 0;
    Pool& pool = make_pool_here();
    Out taken{};
    // Without a handle such a one would be leaked if the recycler ended.
    const bool raw = ways_ == Ways::all && any(2) == 0;
    here([&] {
      if (raw) {
        taken.object = &recycler_->get_raw();
      } else {
        taken.holder = recycler_->get();
        taken.object = taken.holder.get();
      }
    });
    if (pool.waiting.empty()) {
      ++model_.created;
      ASSERT_EQ(taken.object->id, static_cast<int>(model_.created) - 1) << "a new object";
      const bool pooled = next_is_pooled(pool);
      if (ways_ == Ways::all) {
        EXPECT_EQ(taken.object->handle.is_noop(), !pooled);
      }
      if (pooled) taken.home = &pool;
    } else {
      ++model_.reused;
      const auto at = std::find(pool.waiting.begin(), pool.waiting.end(), taken.object);
      ASSERT_NE(at, pool.waiting.end()) << "neither new nor one of those that wait";
      pool.waiting.erase(at);
      if (!pool.batch.empty()) {
        ASSERT_EQ(taken.object, pool.batch.back()) << "not the newest";
        pool.batch.pop_back();
      }
      taken.home = &pool;
    }
    taken.object->payload = ++payload_;
    payloads_.push_back(payload_);
    out_.push_back(std::move(taken));
  }

  /// One of those that are out; usually of the lane's own pool.
  [[nodiscard]] std::size_t any_out() {
    const std::size_t first = any(out_.size());
    if (any(4) == 0) return first;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      const std::size_t at = (first + i) % out_.size();
      if (out_[at].home && out_[at].home == pool_here()) return at;
    }
    return first;
  }

  void give_back() {
    if (out_.empty()) return;
    const std::size_t at = any_out();
    ASSERT_EQ(out_[at].object->payload, payloads_[at]) << "somebody else has it too";
    std::swap(out_[at], out_.back());
    std::swap(payloads_[at], payloads_.back());
    Out given = std::move(out_.back());
    out_.pop_back();
    payloads_.pop_back();
    const int before = Object::live;
    const bool by_reference =
        given.is_of_this_recycler && (ways_ == Ways::references || any(2) == 0);
    const bool guarded = any(2) == 0;
    // Objects without handles can come back only so when their recycler has ended.
    const bool only_so = ways_ == Ways::holders || (ways_ != Ways::all && !by_reference);
    here([&] {
      if (given.holder != nullptr && (guarded || only_so)) {
        given.holder.reset();
        return;
      }
      if (given.holder != nullptr) given.object = given.holder.release();
      if (by_reference) {
        recycler_->recycle(*given.object);
      } else if (guarded) {
        given.object->recycle();
      } else {
        given.object->unguarded_recycle();
      }
    });
    const int destroyed = before - Object::live;
    if (!given.is_of_this_recycler) {
      EXPECT_EQ(destroyed, 1) << "its recycler has ended";
      return;
    }
    note_given_back(given, destroyed == 1);
  }

  void note_given_back(const Out& given, bool destroyed) {
    if (destroyed) ++model_.destroyed;
    if (!given.home) {
      EXPECT_TRUE(destroyed);
      ++model_.dropped_noop;
      return;
    }
    if (*given.home == nullptr) {
      EXPECT_TRUE(destroyed);
      ++model_.dropped_closed;
      return;
    }
    Pool& pool = **given.home;
    const std::size_t most = options_.max_capacity_per_thread;
    if (pool.waiting.size() < most) {
      EXPECT_FALSE(destroyed) << "dropped below the capacity";
    }
    // What was in a batch goes on waiting when its thread is unpinned from it.
    const bool may_exceed = has_batch(pool) || is_pinned_;
    if (pool.waiting.size() >= most + (may_exceed ? options_.chunk_size : 0)) {
      EXPECT_TRUE(destroyed) << "kept above the capacity";
    }
    if (destroyed) {
      ++model_.dropped_full;
      return;
    }
    pool.waiting.push_back(given.object);
    if (is_my_batch(pool)) {
      pool.batch.push_back(given.object);
      if (pool.batch.size() > options_.chunk_size) pool.batch.erase(pool.batch.begin());
    } else if (pool.lane != lane_ && !is(RecyclerForm::shared)) {
      ++model_.returned_by_others;
    }
  }

  /// The second recycle is refused in whatever thread, by both ways.
  void recycle_twice() {
    // Where it is to be the first by another way than a holder's end, only now and then.
    if (!checked() || ways_ == Ways::holders || (ways_ != Ways::all && any(20) != 0)) return;
    for (const auto& pool : pools_) {
      if (pool->waiting.empty()) continue;
      Object* const object = pool->waiting[any(pool->waiting.size())];
      here([&] {
        if (ways_ == Ways::all) {
          EXPECT_THROW(object->recycle(), std::logic_error);
          EXPECT_THROW(object->unguarded_recycle(), std::logic_error);
        }
        EXPECT_THROW(recycler_->recycle(*object), std::logic_error);
      });
    }
  }

  void recycle_by_another() {
    if (!checked() || ways_ != Ways::all || out_.size() < 2) return;
    Object* const a = out_.front().object;
    Object* const b = out_.back().object;
    here([&] {
      EXPECT_THROW(a->handle.recycle(b), std::invalid_argument);
      Object* volatile nothing = nullptr;  // gcc would see through a literal, and warn
      EXPECT_THROW(a->handle.unguarded_recycle(nothing), std::invalid_argument);
      if (!out_.back().is_of_this_recycler) {
        EXPECT_THROW(recycler_->recycle(*b), std::invalid_argument);
      }
    });
  }

  void trim() {
    Pool* const pool = pool_here();
    bool any_destroyed = false;
    here([&] { any_destroyed = recycler_->trim(); });
    EXPECT_EQ(any_destroyed, pool != nullptr && !pool->waiting.empty());
    if (pool != nullptr) forget_waiting(*pool);
  }

  void trim_all() {
    std::size_t count = 0;
    here([&] { count = recycler_->trim_all(); });
    std::size_t expected = 0;
    for (const auto& pool : pools_) {
      expected += pool->waiting.size();
      forget_waiting(*pool);
    }
    EXPECT_EQ(count, expected);
  }

  /// A thread ends and another begins: its pool goes, what is out stays.
  void end_lane() {
    if (is_pinned_ && !unpinned_ && lane_ == 0) return;
    lanes_[lane_] = std::make_unique<Lane>();
    if (!is(RecyclerForm::per_thread)) return;
    if (Pool* const pool = pool_here()) end_pool(*pool);
  }

  void end_pool(Pool& pool) {
    forget_waiting(pool);
    for (Out& out : out_) {
      if (out.home == &pool) out.home = nullptr;
    }
    std::erase_if(pools_, [&](const auto& known) { return known.get() == &pool; });
  }

  void unpin() {
    here([&] { recycler_->unpin_owner(); });
    if (!is_pinned_ || unpinned_) return;
    unpinned_ = true;
    pools_.front()->lane = kLanes;
    pools_.front()->batch.clear();
  }

  void end_recycler() {
    std::size_t waiting = 0;
    for (const auto& pool : pools_) waiting += pool->waiting.size();
    const int before = Object::live;
    here([&] { recycler_.reset(); });
    EXPECT_EQ(before - Object::live, static_cast<int>(waiting));
    for (Out& out : out_) {
      out.is_of_this_recycler = false;
      out.home.reset();
    }
    unpinned_ = false;
    begin();
  }

  // -- What holds after each step
  // ------------------------------------------------------------------

  void check() {
    recycler_->audit();
    const RecyclerStats stats = recycler_->stats();
    std::uint64_t waiting = 0;
    for (const auto& pool : pools_) waiting += pool->waiting.size();
    const auto mine = static_cast<std::uint64_t>(
        std::ranges::count_if(out_, [](const Out& out) { return out.is_of_this_recycler; }));
    EXPECT_EQ(stats.pooled, waiting);
    EXPECT_EQ(stats.created, stats.destroyed + stats.pooled + mine);
    EXPECT_EQ(stats.created, model_.created);
    EXPECT_EQ(stats.reused, model_.reused);
    EXPECT_EQ(stats.destroyed, model_.destroyed);
    EXPECT_EQ(stats.dropped_full, model_.dropped_full);
    EXPECT_EQ(stats.dropped_closed, model_.dropped_closed);
    EXPECT_EQ(stats.dropped_noop, model_.dropped_noop);
    EXPECT_EQ(stats.returned_by_others, model_.returned_by_others);
    EXPECT_EQ(Object::live, static_cast<int>(waiting + out_.size()));
    if (any(4) != 0) return;  // a change of threads is what takes time
    const Pool* const pool = pool_here();
    const std::size_t expected = pool == nullptr ? 0 : pool->waiting.size();
    here([&] { EXPECT_EQ(recycler_->thread_local_size(), expected); });
  }

  void finish() {
    recycler_->trim_all();
    std::size_t mine = 0;
    for (const Out& out : out_) mine += out.is_of_this_recycler ? 1 : 0;
    EXPECT_EQ(recycler_->stats().created, recycler_->stats().destroyed + mine);
    recycler_.reset();
    for (Out& out : out_) {
      if (out.holder == nullptr) out.object->recycle();
    }
    out_.clear();
    EXPECT_EQ(Object::live, 0);
  }

  static constexpr std::size_t kMostOut = 60;  // enough to fill every pool of the settings below

  const RecyclerOptions wanted_;
  const Ways ways_;
  RecyclerOptions options_;
  std::minstd_rand random_;
  std::array<std::unique_ptr<Lane>, kLanes> lanes_;
  std::size_t lane_ = 0;
  std::size_t gets_ = 0;  // of 100 steps
  bool is_pinned_ = false;
  bool unpinned_ = false;
  std::unique_ptr<Recycler<Object>> recycler_;
  std::vector<std::unique_ptr<Pool>> pools_;
  std::vector<Out> out_;
  std::vector<std::uint64_t> payloads_;  // what each of them must still hold
  std::uint64_t payload_ = 0;
  RecyclerStats model_;
};

using Form = RecyclerForm;

class RecyclerModel : public testing::TestWithParam<Settings> {};

// {max_capacity_per_thread, ratio, chunk_size, blocking, batch_fast_threads_only, guard, form}
INSTANTIATE_TEST_SUITE_P(
    , RecyclerModel,
    testing::Values(
        Settings{"Default", {}}, Settings{"EveryOne", {.ratio = 0}},
        Settings{"Tiny", {.max_capacity_per_thread = 1, .ratio = 0}},
        Settings{"Small", {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4}},
        Settings{"SmallRatio", {.max_capacity_per_thread = 6, .ratio = 3, .chunk_size = 3}},
        Settings{
            "Holders", {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4}, Ways::holders},
        Settings{"HoldersPinned",
                 {.max_capacity_per_thread = 10, .ratio = 0, .form = Form::pinned},
                 Ways::holders},
        Settings{"HoldersUnchecked",
                 {.max_capacity_per_thread = 9, .ratio = 0, .guard = Guard::unchecked},
                 Ways::holders},
        Settings{"HoldersNoBatch",
                 {.max_capacity_per_thread = 10, .ratio = 0, .batch_fast_threads_only = true},
                 Ways::holders},
        Settings{"References",
                 {.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4},
                 Ways::references},
        Settings{"ReferencesPinned",
                 {.max_capacity_per_thread = 10, .ratio = 0, .form = Form::pinned},
                 Ways::references},
        Settings{"Blocking", {.max_capacity_per_thread = 8, .ratio = 0, .blocking = true}},
        Settings{"NoBatch",
                 {.max_capacity_per_thread = 10, .ratio = 0, .batch_fast_threads_only = true}},
        Settings{"Off", {.max_capacity_per_thread = 0}},
        Settings{"Unchecked",
                 {.max_capacity_per_thread = 9, .ratio = 0, .guard = Guard::unchecked}},
        Settings{"UncheckedRatio", {.guard = Guard::unchecked}},
        Settings{
            "Pinned",
            {.max_capacity_per_thread = 10, .ratio = 0, .chunk_size = 4, .form = Form::pinned}},
        Settings{"PinnedRatio", {.ratio = 8, .form = Form::pinned}},
        Settings{"PinnedUnchecked",
                 {.max_capacity_per_thread = 4,
                  .ratio = 0,
                  .guard = Guard::unchecked,
                  .form = Form::pinned}},
        Settings{"PinnedOff", {.max_capacity_per_thread = 0, .form = Form::pinned}},
        Settings{"Shared", {.max_capacity_per_thread = 10, .form = Form::shared}},
        Settings{"SharedTiny", {.max_capacity_per_thread = 1, .form = Form::shared}},
        Settings{"SharedBlocking",
                 {.max_capacity_per_thread = 10, .blocking = true, .form = Form::shared}},
        Settings{"SharedUnchecked",
                 {.max_capacity_per_thread = 16, .guard = Guard::unchecked, .form = Form::shared}},
        Settings{"SharedOff", {.max_capacity_per_thread = 0, .form = Form::shared}}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(RecyclerModel, AgreesAfterEveryStep) {
  const auto base = static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed());
  for (unsigned seed = 1; seed <= 2 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(base + seed));
    Model(GetParam(), base + seed).run(test::scaled(10000));
  }
}

}  // namespace
}  // namespace tarn
