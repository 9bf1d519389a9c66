// SPDX-License-Identifier: Apache-2.0
// All interleavings of an owner and others at the owner's lock: the shipped source over relacy's
// atomics and mutex, the asymmetric fence as a seq_cst fence on both sides.
#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "tarn/detail/sync/owner_lock.hpp"

namespace {

using tarn::model::FullFence;
using tarn::model::ModelMutex;
using tarn::model::ModelPause;
using tarn::model::NoFence;
using tarn::model::Weakened;

/// One owner that locks twice, and others that lock once each. What the lock guards is plain:
/// relacy reports any two accesses that are not ordered.
template <class Self, int kOthers, class Light, class Heavy>
struct LockModel : rl::test_suite<Self, 1 + kOthers> {
  static constexpr int kTurns = 2;

  using Gate = tarn::sync::BasicOwnerGate<Light, ModelPause>;
  using Lock = tarn::sync::BasicOwnerLock<ModelMutex, Gate>;

  Lock lock;
  rl::var<int> data;
  int inside = 0;  // of all; not watched, threads of a model never run at once

  void before() { data($) = 0; }

  void work() {
    RL_ASSERT(++inside == 1);
    data($) = static_cast<int>(data($)) + 1;
    --inside;
  }

  void own() {
    for (int turn = 0; turn < kTurns; ++turn) {
      const tarn::sync::OwnerLockGuard<Lock> guard(lock);
      work();
    }
  }

  void take_part() {
    lock.mutex().lock();
    lock.shut_out(Heavy::run);
    work();
    lock.let_in();
    lock.mutex().unlock();
  }

  void thread(unsigned index) { index == 0 ? own() : take_part(); }

  void after() {
    RL_ASSERT(static_cast<int>(data($)) == kTurns + kOthers);
    RL_ASSERT(!lock.owner_is_inside());
  }
};

struct OneOther : LockModel<OneOther, 1, FullFence, FullFence> {};
struct TwoOthers : LockModel<TwoOthers, 2, FullFence, FullFence> {};
struct WithoutLightFence : LockModel<WithoutLightFence, 1, NoFence, FullFence> {};
struct WithoutHeavyFence : LockModel<WithoutHeavyFence, 1, FullFence, NoFence> {};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<OneOther>("owner's lock");
  report.expect_holds<TwoOthers>("owner's lock and two others", 3);
  report.expect_breaks<WithoutLightFence>("owner's lock without the light fence");
  report.expect_breaks<WithoutHeavyFence>("owner's lock without the heavy fence");
  report.expect_breaks<OneOther>("owner's lock without release", Weakened::release);
  report.expect_breaks<OneOther>("owner's lock without acquire", Weakened::acquire);
  return report.exit_code();
}
