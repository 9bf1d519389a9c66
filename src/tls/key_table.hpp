// SPDX-License-Identifier: Apache-2.0
// Which key has which index, with indices used again, lowest first. Layer: tls.
#pragma once

#include <cstddef>

namespace tarn::tls {

class Key;

/// A growing table from index to key.
///
/// Invariant: every index below `lowest_free_` is taken. Taking the lowest free one keeps the
/// threads' slot arrays as short as the largest number of keys that lived at once.
///
/// Never destroyed and trivially destructible, as the registry it is part of.
/// Thread safety: one thread at a time.
class KeyTable {
 public:
  /// Keys at once. A thread that uses the last of 16 million has 128 MiB of slots; a program that
  /// gets there is losing instances, and is told so by an exception rather than by its memory.
  static constexpr std::size_t kMaxKeys = std::size_t{1} << 24;

  explicit constexpr KeyTable(std::size_t max_keys = kMaxKeys) noexcept : max_keys_(max_keys) {}
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  /// Takes the lowest free index. @errors std::length_error, std::bad_alloc.
  /// @complexity amortised O(1) unless indices are freed below taken ones.
  std::size_t add(Key& key);
  void remove(std::size_t index) noexcept;

  /// The key at `index`; null when free.
  [[nodiscard]] Key* at(std::size_t index) const noexcept;

  /// Frees the table's memory; for tables that end before the program.
  void clear() noexcept;

 private:
  void grow();

  Key** keys_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t lowest_free_ = 0;
  std::size_t max_keys_;
};

}  // namespace tarn::tls
