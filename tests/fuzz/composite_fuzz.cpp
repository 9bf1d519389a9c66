// SPDX-License-Identifier: Apache-2.0
// Any series of operations on a composite, with any indices, against a plain vector with two
// indices. Found: what is within bounds does what it does to the vector, what is not throws and
// changes nothing, and the components always make up the whole.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "input.hpp"
#include "tarn/tarn.hpp"

namespace tarn::fuzz {
namespace {

using Bytes = std::vector<std::uint8_t>;

class Machine {
 public:
  explicit Machine(Decisions& decisions)
      : decisions_(decisions), composite_(1 + decisions.byte() % 8) {}

  void step() {
    switch (decisions_.byte() % 18) {
      case 0:
        return append();
      case 1:
        return insert();
      case 2:
        return remove();
      case 3:
        return set_index();
      case 4:
        return skip();
      case 5:
        return slice();
      case 6:
        return find_component();
      case 7:
        return consolidate();
      case 8:
        return discard_components();
      case 9:
        return discard_bytes();
      case 10:
        return get();
      case 11:
        return set();
      case 12:
        return write();
      case 13:
        return set_capacity();
      case 14:
        return decompose();
      case 15:
        return append_itself();
      case 16:
        return read_slice();
      default:
        return search();
    }
  }

  /// What holds between any two operations.
  void check() const {
    composite_.audit();
    require(composite_.capacity() == bytes_.size(), "capacity");
    require(composite_.reader_index() == reader_, "reader index");
    require(composite_.writer_index() == writer_, "writer index");
    require(composite_.component_count() <= composite_.max_components(), "too many components");
    std::size_t begin = 0;
    for (std::size_t i = 0; i < composite_.component_count(); ++i) {
      const ByteBuf part = composite_.component(i);
      require(composite_.component_offset(i) == begin, "a component is elsewhere");
      require(part.is_readable(), "an empty component");
      require(same(part, begin), "other bytes");
      begin += part.readable_bytes();
    }
    require(begin == bytes_.size(), "components are missing");
  }

 private:
  template <class Buffer>
  [[nodiscard]] bool same(const Buffer& part, std::size_t begin) const {
    Bytes bytes(part.readable_bytes());
    part.get_bytes(part.reader_index(), bytes);
    return bytes.size() <= bytes_.size() - begin &&
           std::equal(bytes.begin(), bytes.end(), bytes_.begin() + at(begin));
  }
  [[nodiscard]] static std::ptrdiff_t at(std::size_t index) {
    return static_cast<std::ptrdiff_t>(index);
  }
  [[nodiscard]] bool has(std::size_t index, std::size_t n) const {
    return index <= bytes_.size() && n <= bytes_.size() - index;
  }
  /// Runs f, which must throw std::out_of_range exactly when it is not within bounds.
  /// @returns whether it did not.
  template <class F>
  bool allowed(bool within, F f) {
    try {
      f();
    } catch (const std::out_of_range&) {
      require(!within, "refused within bounds");
      return false;
    }
    require(within, "accepted out of bounds");
    return true;
  }
  [[nodiscard]] std::size_t index() { return decisions_.index(bytes_.size()); }

  [[nodiscard]] Bytes some_bytes() {
    Bytes bytes(decisions_.byte() % 40);
    for (std::uint8_t& byte : bytes) byte = ++last_;
    return bytes;
  }
  void drop_unwritten() { bytes_.resize(writer_); }

  void append() {
    const Bytes part = some_bytes();
    composite_.add_component(ByteBuf::wrap_copy(part));
    drop_unwritten();
    bytes_.insert(bytes_.end(), part.begin(), part.end());
    writer_ = bytes_.size();
  }

  void insert() {
    composite_.writer_index(bytes_.size());  // so that nothing is dropped first
    writer_ = bytes_.size();
    const std::size_t count = composite_.component_count();
    const std::size_t i = decisions_.index(count);
    const std::size_t begin = i < count ? composite_.component_offset(i) : bytes_.size();
    const Bytes part = some_bytes();
    if (!allowed(i <= count, [&] { composite_.add_component(i, ByteBuf::wrap_copy(part)); }))
      return;
    bytes_.insert(bytes_.begin() + at(begin), part.begin(), part.end());
    writer_ = bytes_.size();
  }

  void remove() {
    const std::size_t count = composite_.component_count();
    const std::size_t i = decisions_.index(count);
    const std::size_t n = decisions_.index(count);
    const bool within = i <= count && n <= count - i;
    std::size_t begin = 0;
    std::size_t end = 0;
    if (within && n != 0) {
      begin = composite_.component_offset(i);
      end = i + n < count ? composite_.component_offset(i + n) : bytes_.size();
    }
    if (!allowed(within, [&] { composite_.remove_components(i, n); })) return;
    bytes_.erase(bytes_.begin() + at(begin), bytes_.begin() + at(end));
    for (std::size_t* const moved : {&reader_, &writer_}) {
      if (*moved >= end) {
        *moved -= end - begin;
      } else {
        *moved = std::min(*moved, begin);
      }
    }
  }

  void set_index() {
    const std::size_t r = index();
    const std::size_t w = index();
    if (!allowed(r <= w && w <= bytes_.size(), [&] { composite_.set_index(r, w); })) return;
    reader_ = r;
    writer_ = w;
  }

  void skip() {
    const std::size_t n = index();
    if (allowed(n <= writer_ - reader_, [&] { composite_.skip(n); })) reader_ += n;
  }

  void slice() {
    const std::size_t from = index();
    const std::size_t n = index();
    allowed(has(from, n), [&] {
      const CompositeByteBuf part = composite_.slice(from, n);
      part.audit();
      require(part.readable_bytes() == n && same(part, from), "another slice");
      require(composite_.copy(from, n) == part, "another copy");
    });
  }

  void read_slice() {
    const std::size_t n = index();
    const bool within = n <= writer_ - reader_;
    if (allowed(within, [&] { require(same(composite_.read_slice(n), reader_), "not read"); })) {
      reader_ += n;
    }
  }

  void find_component() {
    const std::size_t offset = index();
    allowed(offset < bytes_.size(), [&] {
      const std::size_t i = composite_.component_index(offset);
      const std::size_t begin = composite_.component_offset(i);
      require(offset - begin < composite_.component(i).readable_bytes(), "not in that component");
    });
    const std::size_t count = composite_.component_count();
    const std::size_t i = decisions_.index(count);
    allowed(i < count, [&] { static_cast<void>(composite_.component(i)); });
    allowed(i < count, [&] { static_cast<void>(composite_.component_offset(i)); });
  }

  void consolidate() {
    const std::size_t count = composite_.component_count();
    const std::size_t i = decisions_.index(count);
    const std::size_t n = decisions_.index(count);
    allowed(i <= count && n <= count - i, [&] { composite_.consolidate(i, n); });
  }

  void discard_components() {
    const std::size_t begin =
        reader_ == bytes_.size() ? reader_
                                 : composite_.component_offset(composite_.component_index(reader_));
    composite_.discard_read_components();
    discard(begin);
  }
  void discard_bytes() {
    composite_.discard_read_bytes();
    discard(reader_);
  }
  void discard(std::size_t n) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + at(n));
    reader_ -= n;
    writer_ -= n;
  }

  void get() {
    const std::size_t from = index();
    const std::size_t n = index();
    Bytes bytes(std::min(n, bytes_.size() + 1), 0xEE);
    const bool copied =
        allowed(has(from, bytes.size()), [&] { composite_.get_bytes(from, bytes); });
    require(copied ? std::equal(bytes.begin(), bytes.end(), bytes_.begin() + at(from))
                   : std::ranges::count(bytes, 0xEE) == at(bytes.size()),
            "other bytes were got");
    allowed(has(from, 4), [&] {
      std::uint32_t value = 0;
      const std::uint32_t got = composite_.get_u32(from);
      for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes_[from + i];
      require(got == value, "another number");
    });
  }

  void set() {
    const std::size_t to = index();
    const Bytes bytes = some_bytes();
    if (allowed(has(to, bytes.size()), [&] { composite_.set_bytes(to, bytes); })) {
      std::copy(bytes.begin(), bytes.end(), bytes_.begin() + at(to));
    }
    if (allowed(has(to, 2), [&] { composite_.set_u16(to, 0x1234); })) {
      bytes_[to] = 0x12;
      bytes_[to + 1] = 0x34;
    }
  }

  void write() {
    const Bytes bytes = some_bytes();
    composite_.write_bytes(bytes);
    // What is made for a write is of no known size, and the rest of it of no known bytes.
    bytes_.resize(composite_.capacity());
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + at(writer_));
    writer_ += bytes.size();
    clear_unwritten();
  }
  void clear_unwritten() {
    composite_.set_zero(writer_, bytes_.size() - writer_);
    std::fill(bytes_.begin() + at(writer_), bytes_.end(), std::uint8_t{0});
  }

  void set_capacity() {
    const std::size_t n = decisions_.index(bytes_.size());
    if (n > bytes_.size() + 2) return;  // what no system has
    composite_.capacity(n);
    const std::size_t before = bytes_.size();
    bytes_.resize(n);
    reader_ = std::min(reader_, n);
    writer_ = std::min(writer_, n);
    if (n > before) composite_.set_zero(before, n - before);
  }

  void decompose() {
    const std::size_t from = index();
    const std::size_t n = index();
    allowed(has(from, n), [&] {
      std::size_t begin = from;
      for (const ByteBuf& part : composite_.decompose(from, n)) {
        require(part.is_readable() && same(part, begin), "another part");
        begin += part.readable_bytes();
      }
      require(begin == from + n, "not all of it");
    });
  }

  void append_itself() {
    if (bytes_.size() > 2000) return;
    const Bytes readable(bytes_.begin() + at(reader_), bytes_.begin() + at(writer_));
    composite_.add_component(composite_);
    drop_unwritten();
    bytes_.insert(bytes_.end(), readable.begin(), readable.end());
    writer_ = bytes_.size();
    // Its components are shared now, so that a write would be seen twice.
    composite_.make_unique();
  }

  void search() {
    const auto wanted = static_cast<std::byte>(decisions_.byte());
    const auto first = bytes_.begin() + at(reader_);
    const auto last = bytes_.begin() + at(writer_);
    const auto found = std::find(first, last, std::to_integer<std::uint8_t>(wanted));
    const std::size_t expected =
        found == last ? ByteBuf::npos : static_cast<std::size_t>(found - first);
    require(composite_.bytes_before(wanted) == expected, "found elsewhere");
  }

  Decisions& decisions_;
  CompositeByteBuf composite_;
  Bytes bytes_;
  std::size_t reader_ = 0;
  std::size_t writer_ = 0;
  std::uint8_t last_ = 0;
};

}  // namespace
}  // namespace tarn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tarn::fuzz::Decisions decisions(tarn::fuzz::Input(data, size));
  tarn::fuzz::Machine machine(decisions);
  while (decisions.any_left()) {
    machine.step();
    machine.check();
  }
  return 0;
}
