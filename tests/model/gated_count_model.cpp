// SPDX-License-Identifier: Apache-2.0
// All interleavings of an owner and a revoker at the gated count: the shipped source over relacy's
// atomics, the asymmetric fence as a seq_cst fence on both sides.
#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "tarn/detail/sync/gated_count.hpp"
#include "tarn/detail/sync/owner_lock.hpp"

namespace {

using tarn::model::FullFence;
using tarn::model::ModelMutex;
using tarn::model::ModelPause;
using tarn::model::NoFence;
using tarn::model::Weakened;

/// An owner that takes and puts, and a thread that keeps it out and takes two of what it has. The
/// things are a plain number: relacy reports any two accesses that are not ordered, and the count
/// must be that number whenever somebody is allowed to look.
template <class Self, class Light, class Heavy>
struct CountModel : rl::test_suite<Self, 2> {
  static constexpr std::uint32_t kFirst = 2;
  static constexpr std::uint32_t kLimit = 3;

  tarn::sync::BasicGatedCount<Light> count;
  rl::var<int> things;
  int inside = 0;  // of both sides; not watched, threads of a model never run at once
  int taken_behind = 0;
  int put = 0;
  int taken = 0;

  void before() {
    things($) = kFirst;
    count.set_limit(kLimit);
    count.set_count(kFirst);
    count.set_countdown(1);
  }

  void work(int change) {
    RL_ASSERT(++inside == 1);
    things($) = static_cast<int>(things($)) + change;
    --inside;
  }

  void try_put() {
    bool allowed = false;
    const auto word = count.enter_to_put(allowed);
    if (!allowed) return;
    work(1);
    ++put;
    RL_ASSERT(static_cast<int>(things($)) <= static_cast<int>(kLimit));
    count.leave_with_one_more(word);
  }

  void try_take() {
    bool allowed = false;
    const auto word = count.enter_to_take(allowed);
    if (!allowed) return;
    work(-1);
    ++taken;
    RL_ASSERT(static_cast<int>(things($)) >= 0);
    if (count.leave_with_one_less(word)) count.set_countdown(1);
  }

  void own() {
    try_take();
    try_put();
  }

  void revoke() {
    count.revoke();
    Heavy::run();
    take_behind();
  }
  void take_behind() {
    while (count.is_inside()) ModelPause::run();
    const auto now = static_cast<int>(count.count());
    RL_ASSERT(now == static_cast<int>(things($)));
    taken_behind = now < 2 ? now : 2;
    work(-taken_behind);
    count.set_count(static_cast<std::uint32_t>(now - taken_behind));
    count.restore();
  }

  void thread(unsigned index) { index == 0 ? own() : revoke(); }

  void after() {
    RL_ASSERT(static_cast<int>(things($)) == static_cast<int>(kFirst) + put - taken - taken_behind);
    RL_ASSERT(static_cast<int>(count.count()) == static_cast<int>(things($)));
    RL_ASSERT(!count.is_inside() && count.limit() == kLimit);
  }
};

/// The same for an owner that also makes a slow change, in the lock by which the other shuts it
/// out: the pool's thread cache. `kShutOutFirst`: whether the other does so before it revokes.
template <class Self, class Light, class Heavy, bool kShutOutFirst = true>
struct SlowChangeModel : CountModel<Self, Light, Heavy> {
  using Gate = tarn::sync::BasicOwnerGate<Light, ModelPause>;
  using Lock = tarn::sync::BasicOwnerLock<ModelMutex, Gate>;

  Lock lock;

  void own() {
    this->try_take();
    {
      const tarn::sync::OwnerLockGuard<Lock> guard(lock);
      RL_ASSERT(static_cast<int>(this->count.count()) == static_cast<int>(this->things($)));
      this->work(1);
      ++this->put;
      this->count.set_count(this->count.count() + 1);
      this->count.set_limit(this->kLimit);
    }
    this->try_take();
  }

  void revoke() {
    lock.mutex().lock();
    if (kShutOutFirst) {
      lock.shut_out(Heavy::run);
      CountModel<Self, Light, Heavy>::revoke();
    } else {
      this->count.revoke();
      lock.shut_out(Heavy::run);
      this->take_behind();
    }
    lock.let_in();
    lock.mutex().unlock();
  }

  void thread(unsigned index) { index == 0 ? own() : revoke(); }
};

struct Count : CountModel<Count, FullFence, FullFence> {};
struct SlowChange : SlowChangeModel<SlowChange, FullFence, FullFence> {};
struct RevokedFirst : SlowChangeModel<RevokedFirst, FullFence, FullFence, false> {};
struct WithoutLightFence : CountModel<WithoutLightFence, NoFence, FullFence> {};
struct WithoutHeavyFence : CountModel<WithoutHeavyFence, FullFence, NoFence> {};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<Count>("gated count", 6);  // 8 took a minute
  report.expect_holds<SlowChange>("gated count with a slow change", tarn::model::kFewerPreemptions);
  report.expect_breaks<RevokedFirst>("gated count revoked in the owner's slow change",
                                     Weakened::none, 3);
  report.expect_breaks<WithoutLightFence>("gated count without the light fence");
  report.expect_breaks<WithoutHeavyFence>("gated count without the heavy fence");
  report.expect_breaks<Count>("gated count without release", Weakened::release);
  report.expect_breaks<Count>("gated count without acquire", Weakened::acquire);
  return report.exit_code();
}
