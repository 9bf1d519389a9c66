// SPDX-License-Identifier: Apache-2.0
// All interleavings of an owner and revokers at the owner gate: the shipped source over relacy's
// atomics, the asymmetric fence as a seq_cst fence on both sides.
#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace {

using tarn::model::FullFence;
using tarn::model::ModelPause;
using tarn::model::NoFence;
using tarn::model::Weakened;

/// One owner that works on its data `kTurns` times, and a thread that revokes, works on the same
/// data, and restores. The data are plain: relacy reports any two accesses that are not ordered.
template <class Self, class Light, class Heavy>
struct GateModel : rl::test_suite<Self, 2> {
  static constexpr int kTurns = 2;

  tarn::sync::BasicOwnerGate<Light, ModelPause> gate;
  rl::var<int> data;
  int inside = 0;  // of both sides; not watched, threads of a model never run at once
  int done = 0;

  void before() { data($) = 0; }

  void work() {
    RL_ASSERT(++inside == 1);
    data($) = static_cast<int>(data($)) + 1;
    ++done;
    --inside;
  }

  void own() {
    for (int turn = 0; turn < kTurns; ++turn) {
      if (!gate.try_enter()) continue;  // the slow path, under the revoker's lock: not modelled
      work();
      gate.leave();
    }
  }

  void revoke() {
    gate.revoke(Heavy::run);
    RL_ASSERT(gate.is_revoked());
    work();
    gate.restore();
  }

  void thread(unsigned index) { index == 0 ? own() : revoke(); }

  void after() {
    RL_ASSERT(static_cast<int>(data($)) == done && done >= 1);
    RL_ASSERT(!gate.is_inside() && !gate.is_revoked());
  }
};

/// The same for an owner that tests a word of its own, as the pool's region caches do.
template <class Self, class Light, class Heavy>
struct OwnWordModel : GateModel<Self, Light, Heavy> {
  tarn::sync::Atomic<int> closed{0};

  void own() {
    for (int turn = 0; turn < this->kTurns; ++turn) {
      this->gate.enter();
      if (closed.load_acquire() == 0) this->work();
      this->gate.leave();
    }
  }

  void revoke() {
    closed.store_relaxed(1);
    this->gate.wait_until_outside(Heavy::run);
    this->work();
    closed.store_release(0);
  }

  void thread(unsigned index) { index == 0 ? own() : revoke(); }
};

struct Gate : GateModel<Gate, FullFence, FullFence> {};
struct OwnWord : OwnWordModel<OwnWord, FullFence, FullFence> {};
struct GateWithoutLightFence : GateModel<GateWithoutLightFence, NoFence, FullFence> {};
struct GateWithoutHeavyFence : GateModel<GateWithoutHeavyFence, FullFence, NoFence> {};
struct OwnWordWithoutFence : OwnWordModel<OwnWordWithoutFence, NoFence, FullFence> {};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<Gate>("owner gate");
  report.expect_holds<OwnWord>("owner gate with a word of the owner's");
  report.expect_breaks<GateWithoutLightFence>("owner gate without the light fence");
  report.expect_breaks<GateWithoutHeavyFence>("owner gate without the heavy fence");
  report.expect_breaks<OwnWordWithoutFence>("owner's word without the light fence");
  report.expect_breaks<Gate>("owner gate without release", Weakened::release);
  report.expect_breaks<Gate>("owner gate without acquire", Weakened::acquire);
  return report.exit_code();
}
