// SPDX-License-Identifier: Apache-2.0
// Tests of pinned recyclers and the end of their thread. Layer: recycler.
#include "recycler/pin.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

RecyclerOptions pinned() {
  RecyclerOptions options;
  options.ratio = 0;
  options.form = RecyclerForm::pinned;
  return options;
}

TEST(Pin, ThePoolEndsWithTheThreadThatMadeIt) {
  std::unique_ptr<Fixture> f;
  in_thread([&f] {
    f = std::make_unique<Fixture>(pinned());
    Fixture::recycle(f->get(3));
    EXPECT_EQ((*f)->thread_local_size(), 3U);
  });
  EXPECT_EQ((*f)->stats().pooled, 0U);
  EXPECT_EQ(Object::live, 0);
}

// RecyclerTest: pinned, after unpinOwner.
TEST(Pin, UnpinnedThePoolOutlivesItsThread) {
  std::unique_ptr<Fixture> f;
  in_thread([&f] {
    f = std::make_unique<Fixture>(pinned());
    Fixture::recycle(f->get(3));
    (*f)->unpin_owner();
  });
  EXPECT_EQ((*f)->stats().pooled, 3U);
  EXPECT_EQ(Object::live, 3);
}

}  // namespace
}  // namespace tarn::recycler::test
