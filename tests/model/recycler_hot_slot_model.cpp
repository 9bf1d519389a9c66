// SPDX-License-Identifier: Apache-2.0
// All interleavings of an owner and a revoker at a recycler's hot slot and gate: the shipped source
// over relacy's atomics, the asymmetric fence as a seq_cst fence on both sides.
#include <array>
#include <cstddef>
#include <cstdint>

#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "tarn/detail/recycler/hot_slot.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace {

using tarn::model::FullFence;
using tarn::model::kFewerPreemptions;
using tarn::model::ModelPause;
using tarn::model::NoFence;
using tarn::model::Weakened;

/// An object whose plain member relacy watches: two users that are not ordered are a race.
struct Object {
  rl::var<int> used;
  bool held = false;  // by a thread; not watched, threads of a model never run at once

  void hold() {
    RL_ASSERT(!held);
    held = true;
    used($) = static_cast<int>(used($)) + 1;
  }
  void let_go() { held = false; }
};

/// The owner's and the revoker's side of a pool, as LocalPool puts the two parts together.
template <class Self, class Light, class Heavy>
struct PoolModel : rl::test_suite<Self, 2> {
  using Slot = tarn::recycler::BasicHotSlot<Light>;

  Slot slot;
  tarn::sync::BasicOwnerGate<Light, ModelPause> gate;
  std::array<Object, 2> objects;
  rl::var<int> array_size;  // the part of the pool that only the gate guards
  Object* array = nullptr;
  Object* stolen = nullptr;
  std::array<Object*, 4> kept{};  // by the owner, when it found no place
  std::size_t kept_count = 0;

  void before() {
    for (Object& object : objects) object.used($) = 0;
    array_size($) = 0;
    slot.unseal();
    RL_ASSERT(slot.push(&objects[0]));
  }

  void keep(Object* object) { kept[kept_count++] = object; }

  Object* pop() { return static_cast<Object*>(slot.pop()); }

  void use(Object* object) {
    object->hold();
    object->let_go();
  }

  /// Keeps the owner out, takes all that waits, lets it in again.
  void revoke() {
    gate.forbid();
    std::uintptr_t before = slot.seal();
    gate.wait_until_outside(Heavy::run);
    while (true) {
      const auto look = slot.look(before);
      if (look == Slot::Look::final) break;
      if (look == Slot::Look::busy) {
        ModelPause::run();
        continue;
      }
      before = slot.seal();
      Heavy::run();
    }
    stolen = static_cast<Object*>(slot.keep(before));
    if (stolen != nullptr) use(stolen);
    if (static_cast<int>(array_size($)) == 1) use(array);
    slot.unseal();
    gate.restore();
  }

  /// Every object is in one place.
  void after() {
    std::array<int, 2> places{};
    const auto count = [&](Object* object) {
      if (object != nullptr) ++places[object == &objects[0] ? 0 : 1];
    };
    count(stolen);
    count(pop());
    if (static_cast<int>(array_size($)) == 1) count(array);
    for (std::size_t i = 0; i < kept_count; ++i) count(kept[i]);
    RL_ASSERT(places[0] == 1 && places[1] <= 1);
  }
};

/// The owner pops and pushes, twice.
template <class Self, class Light, class Heavy>
struct FastModel : PoolModel<Self, Light, Heavy> {
  void thread(unsigned index) {
    if (index == 1) return this->revoke();
    for (int turn = 0; turn < 2; ++turn) {
      Object* const object = this->pop();
      if (object == nullptr) continue;
      this->use(object);
      if (!this->slot.push(object)) return this->keep(object);
    }
  }
};

/// The owner puts a second object by the slow way, replacing the hot one, which goes to the array;
/// then takes the newest.
template <class Self, class Light, class Heavy>
struct SlowModel : PoolModel<Self, Light, Heavy> {
  void thread(unsigned index) {
    if (index == 1) return this->revoke();
    Object* const newer = &this->objects[1];
    this->use(newer);
    if (!this->gate.try_enter()) return this->keep(newer);
    if (void* const older = this->slot.replace(newer)) {
      this->array = static_cast<Object*>(older);
      this->array_size($) = 1;
    } else if (!this->slot.push(newer)) {
      this->array = newer;
      this->array_size($) = 1;
    }
    this->gate.leave();
    if (Object* const hot = this->pop()) {
      this->use(hot);
      this->keep(hot);
    }
  }
};

struct Fast : FastModel<Fast, FullFence, FullFence> {};
struct Slow : SlowModel<Slow, FullFence, FullFence> {};
struct FastWithoutLightFence : FastModel<FastWithoutLightFence, NoFence, FullFence> {};
struct FastWithoutHeavyFence : FastModel<FastWithoutHeavyFence, FullFence, NoFence> {};
struct SlowWithoutLightFence : SlowModel<SlowWithoutLightFence, NoFence, FullFence> {};
struct SlowWithoutHeavyFence : SlowModel<SlowWithoutHeavyFence, FullFence, NoFence> {};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<Fast>("hot slot", kFewerPreemptions);
  report.expect_holds<Slow>("hot slot and gate", kFewerPreemptions);
  report.expect_breaks<FastWithoutLightFence>("hot slot without the light fence");
  report.expect_breaks<FastWithoutHeavyFence>("hot slot without the heavy fence");
  report.expect_breaks<SlowWithoutLightFence>("hot slot and gate without the light fence");
  report.expect_breaks<SlowWithoutHeavyFence>("hot slot and gate without the heavy fence");
  report.expect_breaks<Fast>("hot slot without release", Weakened::release);
  report.expect_breaks<Fast>("hot slot without acquire", Weakened::acquire);
  report.expect_breaks<Slow>("hot slot and gate without release", Weakened::release);
  report.expect_breaks<Slow>("hot slot and gate without acquire", Weakened::acquire);
  return report.exit_code();
}
