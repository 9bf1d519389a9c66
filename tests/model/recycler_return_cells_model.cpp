// SPDX-License-Identifier: Apache-2.0
// All interleavings at the cells of a return box: the shipped source over relacy's atomics.
#undef NDEBUG  // for its assertions: that a cell is seen to be empty is found by nothing else
#include <array>
#include <cstddef>
#include <cstdint>

#include "model/model_check.hpp"
#include "model/model_parts.hpp"
#include "recycler/return_cells.hpp"

namespace {

using tarn::model::ModelPause;
using tarn::model::Weakened;
using tarn::recycler::PutResult;

// Preemptions for models of three threads, whose compare-exchanges may also fail for no reason.
constexpr unsigned kThreeThreads = 2;

using Cells = tarn::recycler::BasicReturnCells<ModelPause>;

/// What an object holds relacy watches: who takes it must see what its putter has written.
struct Object {
  rl::var<int> payload;
  int places = 0;  // taken, or kept by its thread after a refusal
};

template <class Self, rl::thread_id_t kThreads, std::size_t kObjects, std::size_t kCapacity>
struct CellsModel : rl::test_suite<Self, kThreads> {
  Cells cells{kCapacity};
  std::array<Object, kObjects> objects;

  PutResult put(std::size_t index, bool early = false) {
    objects[index].payload($) = static_cast<int>(index);
    const auto word = reinterpret_cast<std::uintptr_t>(&objects[index]);
    const PutResult result = early ? cells.put_early(word) : cells.put(word);
    if (result != PutResult::stored) {
      objects[index].payload($) = -1;  // still this thread's
      ++objects[index].places;
    }
    return result;
  }
  auto taker() {
    return [this](Cells::Word word) {
      auto* const object = reinterpret_cast<Object*>(word);
      const auto index = static_cast<std::size_t>(static_cast<int>(object->payload($)));
      RL_ASSERT(&objects[index] == object);
      object->payload($) = -2;
      ++object->places;
    };
  }
  std::size_t take(std::size_t most) { return cells.take(most, taker()); }

  void check_nothing_lost() {
    for (const Object& object : objects) RL_ASSERT(object.places == 1);
  }
};

/// Two put, the owner takes.
struct PutAndTake : CellsModel<PutAndTake, 3, 2, 2> {
  void thread(unsigned index) {
    if (index < 2) {
      RL_ASSERT(put(index) == PutResult::stored);  // never refused below the bound
      return;
    }
    take(1);
    RL_ASSERT(cells.waiting() <= 2);
    take(2);
  }
  void after() {
    take(2);
    RL_ASSERT(cells.waiting() == 0 && cells.entered() == 2);
    check_nothing_lost();
  }
};

/// A cell is used again: what comes next goes where the owner has just read.
struct AroundTheRing : CellsModel<AroundTheRing, 2, 3, 1> {
  void thread(unsigned index) {
    if (index == 0) {
      for (std::size_t i = 0; i < 3; ++i) put(i);
      return;
    }
    take(1);
    take(1);
  }
  void after() {
    RL_ASSERT(cells.waiting() <= 1);
    take(1);
    check_nothing_lost();
  }
};

/// Two put where there is one cell: one is refused, unless the owner takes in between.
struct Bound : CellsModel<Bound, 3, 2, 1> {
  int stored = 0;
  std::size_t taken = 0;
  void thread(unsigned index) {
    if (index < 2) {
      if (put(index) == PutResult::stored) ++stored;
      return;
    }
    taken = take(1);
  }
  void after() {
    RL_ASSERT(stored >= 1 && static_cast<std::size_t>(stored) <= 1 + taken);
    take(1);
    check_nothing_lost();
  }
};

/// The pool ends while two recycle: what has claimed a cell is waited for.
struct PutAndClose : CellsModel<PutAndClose, 3, 2, 2> {
  void thread(unsigned index) {
    if (index < 2) {
      RL_ASSERT(put(index) != PutResult::full);
      return;
    }
    take(1);
    cells.close(taker());
    RL_ASSERT(cells.waiting() == 0);
  }
  void after() {
    RL_ASSERT(take(2) == 0);
    check_nothing_lost();
  }
};

/// What comes early is all narrowed, however late it is; what does not may be or not.
struct PutAndNarrow : CellsModel<PutAndNarrow, 3, 2, 2> {
  std::size_t narrowed = 0;
  std::size_t early = 0;
  void thread(unsigned index) {
    if (index < 2) {
      const PutResult result = put(index, index == 0);
      RL_ASSERT(result == PutResult::stored || (index == 0 && result == PutResult::closed));
      if (index == 0 && result == PutResult::stored) ++early;
      return;
    }
    cells.narrow([this](Cells::Word word) {
      auto* const object = reinterpret_cast<Object*>(word);
      const auto which = static_cast<std::size_t>(static_cast<int>(object->payload($)));
      if (which == 0) ++narrowed;
      return word;
    });
    take(1);
  }
  void after() {
    RL_ASSERT(narrowed == early);
    take(2);
    RL_ASSERT(cells.waiting() == 0 && cells.entered() == 1 + early);
    check_nothing_lost();
  }
};

}  // namespace

int main() {
  tarn::model::Report report;
  report.expect_holds<PutAndTake>("return cells: put and take", kThreeThreads);
  report.expect_holds<AroundTheRing>("return cells: around");
  report.expect_holds<Bound>("return cells: bound", kThreeThreads);
  report.expect_holds<PutAndClose>("return cells: put and close", kThreeThreads);
  report.expect_holds<PutAndNarrow>("return cells: put and narrow", kThreeThreads);
  report.expect_breaks<PutAndTake>("return cells without release", Weakened::release);
  report.expect_breaks<PutAndTake>("return cells without acquire", Weakened::acquire);
  return report.exit_code();
}
