// SPDX-License-Identifier: Apache-2.0
// A server's loop in small: one thread receives requests, another answers them, and the request
// objects, with the memory that their strings have grown to, go around between the two.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <iostream>
#include <mutex>
#include <string>
#include <tarn/tarn.hpp>
#include <thread>
#include <utility>

struct Request {
  std::uint64_t id = 0;
  std::string body;
};

class Queue {  // of at most kMost, as in a server that pushes back
 public:
  void push(tarn::Recycled<Request> request) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() < kMost; });
    waiting_.push_back(std::move(request));
    changed_.notify_all();
  }
  tarn::Recycled<Request> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty(); });
    tarn::Recycled<Request> request = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return request;
  }

 private:
  static constexpr std::size_t kMost = 64;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<tarn::Recycled<Request>> waiting_;
};

int main() {
  tarn::Recycler<Request> requests([] { return Request(); }, {.ratio = 0});
  Queue queue;
  std::uint64_t answered = 0;
  std::thread worker([&] {
    while (const tarn::Recycled<Request> request = queue.pop()) answered += request->body.size();
  });  // each request goes back to the receiving thread's pool at the end of its turn
  for (std::uint64_t id = 1; id <= 100'000; ++id) {
    tarn::Recycled<Request> request = requests.get();  // as its last user left it
    request->id = id;
    request->body.assign(100, 'x');
    queue.push(std::move(request));
  }
  queue.push(nullptr);
  worker.join();
  const bool few = requests.stats().created <= 70;  // the queue's, and one in each thread's hands
  std::cout << answered << " bytes, " << (few ? "few" : "many") << " requests made\n";
}
