// SPDX-License-Identifier: Apache-2.0
// The table from index to key. Layer: tls.
#include "tls/key_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tarn/detail/base/check.hpp"

namespace tarn::tls {

std::size_t KeyTable::add(Key& key) {
  std::size_t index = lowest_free_;
  while (index < capacity_ && keys_[index] != nullptr) ++index;
  lowest_free_ = index;
  if (index == max_keys_) {
    throw std::length_error("tarn: too many FastThreadLocal instances, at most " +
                            std::to_string(max_keys_) + " at once");
  }
  if (index == capacity_) grow();
  keys_[index] = &key;
  lowest_free_ = index + 1;
  return index;
}

void KeyTable::remove(std::size_t index) noexcept {
  TARN_CHECK(at(index) != nullptr);
  keys_[index] = nullptr;
  lowest_free_ = std::min(lowest_free_, index);
}

Key* KeyTable::at(std::size_t index) const noexcept {
  return index < capacity_ ? keys_[index] : nullptr;
}

void KeyTable::clear() noexcept {
  delete[] keys_;
  keys_ = nullptr;
  capacity_ = 0;
  lowest_free_ = 0;
}

void KeyTable::grow() {
  constexpr std::size_t kFirst = 32;  // as many as a thread's first slots
  const std::size_t capacity = std::min(std::max(kFirst, 2 * capacity_), max_keys_);
  Key** const larger = new Key* [capacity] {};
  std::copy_n(keys_, capacity_, larger);
  delete[] keys_;
  keys_ = larger;
  capacity_ = capacity;
}

}  // namespace tarn::tls
