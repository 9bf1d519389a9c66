// SPDX-License-Identifier: Apache-2.0
// All interleavings at the ring of a shared recycler: the shipped source over relacy's atomics.
#include <array>
#include <cstddef>

#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "recycler/ring.hpp"

namespace {

using tarn::model::ModelPause;
using tarn::model::Weakened;
using tarn::recycler::PutResult;

// Preemptions for models of three threads, whose compare-exchanges may also fail for no reason.
constexpr unsigned kThreeThreads = 2;

using Ring = tarn::recycler::BasicRing<ModelPause>;

struct Object {
  rl::var<int> payload;
  int places = 0;
};

template <class Self, rl::thread_id_t kThreads, std::size_t kObjects, std::size_t kBound>
struct RingModel : rl::test_suite<Self, kThreads> {
  Ring ring{kBound};
  std::array<Object, kObjects> objects;

  PutResult put(std::size_t index) {
    objects[index].payload($) = static_cast<int>(index);
    const PutResult result = ring.put(&objects[index]);
    if (result != PutResult::stored) {
      objects[index].payload($) = -1;
      ++objects[index].places;
    }
    RL_ASSERT(ring.size() <= kBound);
    return result;
  }

  bool take() {
    auto* const object = static_cast<Object*>(ring.take());
    if (object == nullptr) return false;
    const auto index = static_cast<std::size_t>(static_cast<int>(object->payload($)));
    RL_ASSERT(&objects[index] == object);
    object->payload($) = -2;
    ++object->places;
    return true;
  }

  void drain() {
    while (take()) {
    }
    for (const Object& object : objects) RL_ASSERT(object.places == 1);
  }
};

/// Two put into a ring of two, one takes twice.
struct PutAndTake : RingModel<PutAndTake, 3, 2, 2> {
  void thread(unsigned index) {
    if (index < 2) {
      RL_ASSERT(put(index) == PutResult::stored);
      return;
    }
    take();
    take();
  }
  void after() { drain(); }
};

/// A cell is used again: two rounds through a ring of one, against two takers.
struct AroundTheRing : RingModel<AroundTheRing, 3, 2, 1> {
  void thread(unsigned index) {
    if (index == 0) {
      put(0);
      put(1);
      return;
    }
    take();
  }
  void after() { drain(); }
};

/// The recycler ends while two recycle.
struct PutAndClose : RingModel<PutAndClose, 3, 2, 2> {
  void thread(unsigned index) {
    if (index < 2) {
      RL_ASSERT(put(index) != PutResult::full);
      return;
    }
    ring.close();
    while (take()) {
    }
  }
  void after() {
    RL_ASSERT(ring.size() == 0);
    drain();
  }
};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<PutAndTake>("ring: put and take", kThreeThreads);
  report.expect_holds<AroundTheRing>("ring: around", kThreeThreads);
  report.expect_holds<PutAndClose>("ring: put and close", kThreeThreads);
  report.expect_breaks<PutAndTake>("ring without release", Weakened::release);
  report.expect_breaks<PutAndTake>("ring without acquire", Weakened::acquire);
  return report.exit_code();
}
