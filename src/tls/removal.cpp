// SPDX-License-Identifier: Apache-2.0
// Removal of a thread's values: rounds, until none is left. Layer: tls.
#include "tls/removal.hpp"

#include <cstddef>
#include <exception>

#include "tarn/detail/tls/slots.hpp"
#include "tls/registry.hpp"

namespace tarn::tls {

/// One value on its way out of the calling thread: keeps the key alive until its callback is done.
class Removal {
 public:
  explicit Removal(std::size_t index) noexcept : key_(registry().begin_removal(index, value_)) {}
  ~Removal() {
    if (key_ != nullptr) registry().end_removal(*key_);
  }
  Removal(const Removal&) = delete;
  Removal& operator=(const Removal&) = delete;

  /// Ends the value; throws what the callback throws.
  void run(bool discard) {
    if (key_ == nullptr) return;  // the key's destructor was faster
    key_->wait_for_visitors();
    const Frame frame(*key_, Frame::Kind::removing);
    (discard ? key_->discard_ : key_->remove_)(value_, key_->context_);
  }

 private:
  void* value_ = nullptr;
  Key* key_;
};

namespace {

/// Calls `remove(index, discard)` for every slot that is set, in rounds, until none is.
template <class Remove>
void empty_slots(Remove remove) {
  for (int round = 0; round < 2 * Key::kMaxRounds; ++round) {
    bool found = false;
    // Both words anew each time: a callback may make the array grow.
    for (std::size_t i = 0; i < t_words.slot_count; ++i) {
      if (t_words.slots[i].load_relaxed() == nullptr) continue;
      found = true;
      remove(i, round >= Key::kMaxRounds);
    }
    if (!found) return;
  }
}

}  // namespace

void end_thread() noexcept {
  empty_slots([](std::size_t index, bool discard) { Removal(index).run(discard); });
  registry().remove_current_thread();
}

void remove_all_values() {
  std::exception_ptr first;
  empty_slots([&first](std::size_t index, bool discard) {
    try {
      Removal(index).run(discard);
    } catch (...) {
      if (first == nullptr) first = std::current_exception();
    }
  });
  if (first != nullptr) std::rethrow_exception(first);
}

}  // namespace tarn::tls
