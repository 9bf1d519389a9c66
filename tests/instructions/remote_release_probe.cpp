// SPDX-License-Identifier: Apache-2.0
// What an item costs that one thread takes and another releases: remote_release_probe CASE N.
#include <semaphore.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <tarn/allocator.hpp>
#include <thread>
#include <vector>

namespace {

// Items that are handed over at a time: few enough for the caches to hold, so many that waiting for
// each other, which costs more when a thread really has to sleep, hardly shows in the cost of an
// item: 250 of 1 KiB; 50 of 16 KiB, which cost twice as much. Divisors of N = 1000 and N = 11000.
[[nodiscard]] constexpr std::size_t batch_of(std::size_t size) noexcept {
  return size <= 1024 ? 250 : 50;
}

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

/// take() fills an item, drop() releases it; `count` items, and some batches before to warm up,
/// which are the same for every count. Rounded up to whole batches.
template <class Item, class Take, class Drop>
void hand_over(std::size_t batch, std::size_t count, Take take, Drop drop) {
  const std::size_t total = 4 * batch + count;
  std::vector<Item> items(batch);
  Turns turns;
  std::thread releaser([&] {
    for (std::size_t done = 0; done < total; done += batch) {
      turns.await_releaser();
      std::for_each(items.begin(), items.end(), drop);
      turns.let_taker();
    }
  });
  for (std::size_t done = 0; done < total; done += batch) {
    turns.await_taker();
    std::generate(items.begin(), items.end(), take);
    turns.let_releaser();
  }
  releaser.join();
}

void hand_over_buffers(tarn::PooledAllocator& allocator, std::size_t size, std::size_t count) {
  hand_over<tarn::ByteBuf>(
      batch_of(size), count, [&] { return allocator.buffer(size); },
      [](tarn::ByteBuf& item) { item.release(); });
}

void hand_over_memory(tarn::PooledAllocator& allocator, std::size_t size, std::size_t count) {
  hand_over<void*>(
      batch_of(size), count, [&] { return allocator.allocate(size); },
      [&](void* item) { allocator.deallocate(item, size); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view name = argv[1];
  const auto count = static_cast<std::size_t>(std::atol(argv[2]));
  tarn::PooledAllocator allocator;
  if (name == "buffer_1024") {
    hand_over_buffers(allocator, 1024, count);
  } else if (name == "buffer_16384") {
    hand_over_buffers(allocator, 16384, count);
  } else if (name == "memory_1024") {
    hand_over_memory(allocator, 1024, count);
  } else {
    return 2;
  }
  return 0;
}
