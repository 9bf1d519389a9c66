// SPDX-License-Identifier: Apache-2.0
// What the tests of recyclers share: a counted object, and what must hold at the end of each.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "tarn/recycler.hpp"

namespace tarn::recycler::test {

/// An object that keeps its handle and its number in the order of creation, from 0 on.
struct Object {
  using Handle = Recycler<Object>::Handle;

  Object(Handle its_handle, int its_id) noexcept : handle(its_handle), id(its_id) { ++live; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { --live; }

  void recycle() { handle.recycle(this); }
  void unguarded_recycle() { handle.unguarded_recycle(this); }

  Handle handle;
  int id;
  std::uint64_t payload = 0;

  inline static std::atomic<int> live{0};
};

/// Makes objects, and counts its calls.
class Factory {
 public:
  Object operator()(Object::Handle handle) const { return Object(handle, count_->fetch_add(1)); }
  [[nodiscard]] int count() const { return *count_; }

 private:
  std::shared_ptr<std::atomic<int>> count_ = std::make_shared<std::atomic<int>>(0);
};

inline void expect_adds_up(const RecyclerStats& stats, std::uint64_t out) {
  EXPECT_EQ(stats.created, stats.destroyed + stats.pooled + out);
  EXPECT_LE(stats.dropped_full + stats.dropped_closed + stats.dropped_noop, stats.destroyed);
}

/// A recycler of Objects, with what holds at the end of each test of it: numbers that add up, and
/// no object left but those that the test says are out.
class Fixture {
 public:
  explicit Fixture(const RecyclerOptions& options = {})
      : recycler_(std::make_unique<Recycler<Object>>(factory_, options)) {
    ++fixtures;
  }
  ~Fixture() {
    if (recycler_ != nullptr) end();
    if (--fixtures == 0) {
      EXPECT_EQ(Object::live, 0);
    }
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  /// Ends the recycler. @param out objects that are still out.
  void end(std::uint64_t out = 0) {
    expect_adds_up(recycler_->stats(), out);
    recycler_.reset();
    if (fixtures == 1) {
      EXPECT_EQ(Object::live, static_cast<int>(out));
    }
  }

  Recycler<Object>& operator*() const { return *recycler_; }
  Recycler<Object>* operator->() const { return recycler_.get(); }
  [[nodiscard]] int made() const { return factory_.count(); }

  [[nodiscard]] std::vector<Object*> get(std::size_t count) const {
    std::vector<Object*> objects(count);
    for (Object*& object : objects) object = &recycler_->get_raw();
    return objects;
  }
  static void recycle(const std::vector<Object*>& objects) {
    for (Object* const object : objects) object->recycle();
  }

 private:
  inline static std::atomic<int> fixtures{0};  // each counts the objects of all

  Factory factory_;
  std::unique_ptr<Recycler<Object>> recycler_;
};

/// Runs `f` in a thread of its own, to its end.
template <class F>
void in_thread(F f) {
  std::thread(std::move(f)).join();
}

}  // namespace tarn::recycler::test
