// SPDX-License-Identifier: Apache-2.0
// What an item costs that one thread takes and another releases: remote_release_probe CASE N.
#include <semaphore.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <tarn/allocator.hpp>
#include <thread>

namespace {

// So many at a time that waiting for each other costs an item an instruction or two, few enough
// for the caches to hold, and a divisor of N = 1000 and N = 11000.
constexpr std::size_t kBatch = 50;

/// Two threads in turns. The C library's semaphore sleeps at once: spinning would be counted.
class Turns {
 public:
  Turns() {
    ::sem_init(&releaser_, 0, 0);
    ::sem_init(&taker_, 0, 1);
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() {
    ::sem_destroy(&releaser_);
    ::sem_destroy(&taker_);
  }
  void await_taker() { await(taker_); }
  void await_releaser() { await(releaser_); }
  void let_taker() { ::sem_post(&taker_); }
  void let_releaser() { ::sem_post(&releaser_); }

 private:
  static void await(sem_t& semaphore) {
    while (::sem_wait(&semaphore) != 0) {
    }
  }

  sem_t releaser_{};
  sem_t taker_{};
};

/// take() fills an item, drop() releases it. @pre total is a multiple of kBatch.
template <class Item, class Take, class Drop>
void hand_over(std::size_t total, Take take, Drop drop) {
  static std::array<Item, kBatch> items;
  Turns turns;
  std::thread releaser([&] {
    for (std::size_t done = 0; done < total; done += kBatch) {
      turns.await_releaser();
      std::for_each(items.begin(), items.end(), drop);
      turns.let_taker();
    }
  });
  for (std::size_t done = 0; done < total; done += kBatch) {
    turns.await_taker();
    std::generate(items.begin(), items.end(), take);
    turns.let_releaser();
  }
  releaser.join();
}

void hand_over_buffers(tarn::PooledAllocator& allocator, std::size_t size, std::size_t total) {
  hand_over<tarn::ByteBuf>(
      total, [&] { return allocator.buffer(size); }, [](tarn::ByteBuf& item) { item.release(); });
}

void hand_over_memory(tarn::PooledAllocator& allocator, std::size_t size, std::size_t total) {
  hand_over<void*>(
      total, [&] { return allocator.allocate(size); },
      [&](void* item) { allocator.deallocate(item, size); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  // Whole batches; the first ones, which map and fill, are the same for every N.
  const auto count = static_cast<std::size_t>(std::atol(argv[2]));
  const std::size_t total = (4 + (count + kBatch - 1) / kBatch) * kBatch;
  tarn::PooledAllocator allocator;
  if (name == "buffer_1024") {
    hand_over_buffers(allocator, 1024, total);
  } else if (name == "buffer_16384") {
    hand_over_buffers(allocator, 16384, total);
  } else if (name == "memory_1024") {
    hand_over_memory(allocator, 1024, total);
  } else {
    return 2;
  }
  return 0;
}
