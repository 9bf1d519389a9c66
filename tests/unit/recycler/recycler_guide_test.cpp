// SPDX-License-Identifier: Apache-2.0
// The code of docs/recycler.md, compiled and run. Each block of the page stands here word for word.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tarn/recycler.hpp"

namespace {

struct Request {
  std::string body;
};

TEST(RecyclerGuide, GetsAnObjectAgain) {
  tarn::Recycler<Request> requests([] { return Request(); });

  {
    tarn::Recycled<Request> request = requests.get();  // a new one, or one that was recycled
    request->body.assign(1000, 'x');
  }  // goes back here; move it elsewhere to keep it, to another thread too
  tarn::Recycled<Request> next = requests.get();

  EXPECT_GE(next->body.capacity(), 1000U);  // the same one, with what its string had allocated
}

struct Connection {
  explicit Connection(tarn::Recycler<Connection>::Handle its_handle) : handle(its_handle) {}
  void close() { handle.recycle(this); }  // from whatever thread
  tarn::Recycler<Connection>::Handle handle;
};

TEST(RecyclerGuide, ObjectsBringThemselvesBack) {
  tarn::Recycler<Connection> connections([](auto handle) { return Connection(handle); });
  Connection& connection = connections.get_raw();  // nobody owns it: it must be recycled
  connection.close();
  EXPECT_THROW(connection.close(), std::logic_error);  // and only once
}

TEST(RecyclerGuide, ObjectsOutliveTheirRecycler) {
  auto requests = std::make_unique<tarn::Recycler<Request>>([] { return Request(); });
  tarn::Recycled<Request> request = requests->get();
  requests.reset();                 // the recycler ends first
  request->body = "still in use";   // the object is its holder's
  EXPECT_TRUE(request != nullptr);  // and is destroyed with the holder, or recycled by any thread
}

TEST(RecyclerGuide, TheNumbersAddUp) {
  tarn::Recycler<Request> requests([] { return Request(); });
  std::vector<tarn::Recycled<Request>> held(20);
  for (auto& request : held) request = requests.get();
  held.resize(10);

  const tarn::RecyclerStats stats = requests.stats();
  EXPECT_EQ(stats.created + stats.reused, 20U);                   // all gets
  EXPECT_EQ(stats.created, stats.destroyed + stats.pooled + 10);  // ten are out
}

}  // namespace
