// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: its components, and what comes and goes with them. Layer: buffer.
#include "tarn/composite_byte_buf.hpp"

#include <algorithm>
#include <ostream>
#include <stdexcept>

#include "tarn/allocator.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {
namespace {

using Access = detail::ByteBufAccess;

[[noreturn, gnu::cold]] void throw_no_component(std::size_t i, std::size_t n, std::size_t count) {
  throw std::out_of_range("component " + std::to_string(i) + " + length " + std::to_string(n) +
                          " exceeds component count " + std::to_string(count));
}

}  // namespace

CompositeByteBuf::CompositeByteBuf(std::size_t max_components)
    : Base(0, npos, 0, 0), max_components_(max_components) {
  if (max_components == 0) {
    throw std::invalid_argument("max_components: 0 (expected: at least 1)");
  }
}

CompositeByteBuf::CompositeByteBuf(CompositeByteBuf&& other) noexcept
    : Base(other),
      components_(std::move(other.components_)),
      origin_(std::move(other.origin_)),
      max_components_(std::exchange(other.max_components_, 0)) {
  other.components_.clear();
  other.clear_bounds();
}

void CompositeByteBuf::swap(CompositeByteBuf& other) noexcept {
  swap_indices(other);
  components_.swap(other.components_);
  origin_.swap(other.origin_);
  std::swap(max_components_, other.max_components_);
  guess_.set(0);
  other.guess_.set(0);
}

CompositeByteBuf CompositeByteBuf::of_one(ByteBuf part) {
  CompositeByteBuf composite;
  composite.add_component(std::move(part));
  return composite;
}

// --- Finding
// --------------------------------------------------------------------------------------

const CompositeByteBuf::Component& CompositeByteBuf::component_at_slow(
    std::size_t index) const noexcept {
  TARN_ASSERT(index < capacity());
  const std::size_t next = guess_.get() + 1;
  if (next < components_.size() && index - components_[next].begin < components_[next].size()) {
    guess_.set(next);
    return components_[next];
  }
  const auto behind =
      std::upper_bound(components_.begin(), components_.end(), index,
                       [](std::size_t at, const Component& c) noexcept { return at < c.begin; });
  guess_.set(static_cast<std::size_t>(behind - components_.begin()) - 1);
  return *(behind - 1);
}

std::size_t CompositeByteBuf::index_at(std::size_t offset) const noexcept {
  return static_cast<std::size_t>(&component_at(offset) - components_.data());
}

void CompositeByteBuf::check_component(std::size_t i, std::size_t n) const {
  if (i > components_.size() || n > components_.size() - i) {
    throw_no_component(i, n, components_.size());
  }
}

/// How many components stand in the first `size` bytes, the last of them perhaps in part.
std::size_t CompositeByteBuf::parts_up_to(std::size_t size) const noexcept {
  return size == 0 ? 0 : index_at(size - 1) + 1;
}

ByteBuf CompositeByteBuf::component(std::size_t i) const {
  check_component(i, 1);
  const ByteBuf& buf = components_[i].buf;
  return is_read_only() ? buf.as_read_only() : buf;
}

std::size_t CompositeByteBuf::component_index(std::size_t offset) const {
  if (offset >= capacity()) check_range(offset, 1);
  return index_at(offset);
}

std::size_t CompositeByteBuf::component_offset(std::size_t i) const {
  check_component(i, 1);
  return components_[i].begin;
}

/// Calls f(ByteBuf) with a slice of each component of `[index, index + n)`. @pre within capacity().
template <class F>
void CompositeByteBuf::for_each_part(std::size_t index, std::size_t n, F f) const {
  while (n != 0) {
    const Component& component = component_at(index);
    const std::size_t offset = index - component.begin;
    const std::size_t length = std::min(n, component.size() - offset);
    ByteBuf part = is_read_only() ? component.buf.as_read_only() : component.buf;
    Access::narrow(part, offset, length);
    f(std::move(part));
    index += length;
    n -= length;
  }
}

std::vector<ByteBuf> CompositeByteBuf::decompose(std::size_t index, std::size_t n) const {
  check_range(index, n);
  std::vector<ByteBuf> parts;
  for_each_part(index, n, [&](ByteBuf part) { parts.push_back(std::move(part)); });
  return parts;
}

// --- Changing without a failure
// -------------------------------------------------------------------

/// Sets where the components from `from` on begin.
void CompositeByteBuf::renumber(std::size_t from) noexcept {
  std::size_t begin = from == 0 ? 0 : components_[from - 1].end();
  for (std::size_t i = from; i < components_.size(); ++i) {
    components_[i].begin = begin;
    begin += components_[i].size();
  }
  set_capacity(begin);
  guess_.set(0);
}

/// Puts a full, non-empty window before component `i`. @pre room for it has been reserved.
void CompositeByteBuf::insert(std::size_t i, ByteBuf part) noexcept {
  TARN_ASSERT(components_.size() < components_.capacity());
  components_.insert(components_.begin() + static_cast<std::ptrdiff_t>(i),
                     Component{std::move(part), 0});
  renumber(i);
}

/// Drops what lies behind the first `size` bytes.
void CompositeByteBuf::drop_from(std::size_t size) noexcept {
  const std::size_t kept = parts_up_to(size);
  components_.erase(components_.begin() + static_cast<std::ptrdiff_t>(kept), components_.end());
  if (kept != 0) {
    Component& last = components_.back();
    Access::narrow(last.buf, 0, size - last.begin);
  }
  set_capacity(size);
  guess_.set(0);
}

/// Drops the first `index` bytes; @pre the reader is not before them.
void CompositeByteBuf::drop_before(std::size_t index) noexcept {
  if (index == 0) return;
  const std::size_t gone = index == capacity() ? components_.size() : index_at(index);
  if (gone < components_.size()) {
    Component& first = components_[gone];
    const std::size_t offset = index - first.begin;
    Access::narrow(first.buf, offset, first.size() - offset);
  }
  components_.erase(components_.begin(), components_.begin() + static_cast<std::ptrdiff_t>(gone));
  reader_ -= index;
  writer_ -= index;
  renumber(0);
}

// --- Memory
// ---------------------------------------------------------------------------------------

/// Memory for a new component: from the composite's allocator, or where the last component is from.
pool::Region* CompositeByteBuf::take_region(std::size_t size) const {
  if (origin_) return pool::take_like(Access::region(origin_), size);
  if (components_.empty()) return detail::take_own_region(size);
  return pool::take_like(Access::region(components_.back().buf), size);
}

ByteBuf CompositeByteBuf::full_buffer(std::size_t size) const {
  return Access::make_full(take_region(size), size);
}

/// A full buffer of `size` bytes that begins with the bytes of the components `[first, last)`, of
/// which it takes no more than that.
ByteBuf CompositeByteBuf::gathered(std::size_t first, std::size_t last, std::size_t size) const {
  ByteBuf whole = full_buffer(size);
  std::size_t at = 0;
  for (std::size_t i = first; i < last && at < size; ++i) {
    const std::size_t n = std::min(components_[i].size(), size - at);
    std::memcpy(Access::memory(whole) + at, components_[i].data(), n);
    at += n;
  }
  return whole;
}

/// Room in the vector for `more` components.
void CompositeByteBuf::reserve_for(std::size_t more) {
  const std::size_t needed = components_.size() + more;
  if (needed <= components_.capacity()) return;
  // By four, which reserve() alone would not be, from what a block of 256 bytes holds to what one
  // of 1024 does; then doubling.
  constexpr std::size_t kFirst = 256 / sizeof(Component);
  const std::size_t grown = components_.capacity() * (components_.capacity() <= kFirst ? 4 : 2);
  components_.reserve(std::max({needed, grown, kFirst}));
}

/// Adds bytes up to `new_capacity`.
void CompositeByteBuf::add_capacity(std::size_t new_capacity) {
  const std::size_t count = components_.size();
  if (count < max_components_) {
    reserve_for(1);
    insert(count, full_buffer(new_capacity - capacity()));
    return;
  }
  Components next;
  next.reserve(2);
  if (max_components_ == 1) {
    next.push_back({gathered(0, count, new_capacity), 0});
  } else {
    next.push_back({gathered(0, count, capacity()), 0});
    next.push_back({full_buffer(new_capacity - capacity()), 0});
  }
  components_.swap(next);
  renumber(0);
}

void CompositeByteBuf::prepare_write_slow(std::size_t n) {
  check_not_read_only();
  check_max_writable(n);
  const std::size_t there = capacity() - writer_;
  check_pieces_writable(writer_, std::min(n, there));
  if (n > there) add_capacity(detail::next_capacity(writer_ + n, max_capacity_));
}

CompositeByteBuf& CompositeByteBuf::ensure_writable(std::size_t n) {
  prepare_write(n);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::capacity(std::size_t n) {
  check_not_read_only();
  if (n > max_capacity_) detail::throw_too_large("capacity", n, "max capacity", max_capacity_);
  if (n > capacity()) {
    add_capacity(n);
  } else if (n < capacity()) {
    drop_from(n);
    writer_ = std::min(writer_, n);
    reader_ = std::min(reader_, n);
  }
  return *this;
}

// --- Components
// -----------------------------------------------------------------------------------

CompositeByteBuf& CompositeByteBuf::add_component(std::size_t i, ByteBuf part) {
  check_not_read_only();
  check_component(i, 0);
  if (!*this) *this = CompositeByteBuf();
  const std::size_t kept = parts_up_to(writer_);
  const std::size_t n = part.readable_bytes();
  i = std::min(i, kept);
  Access::narrow(part, part.reader_index(), n);
  if (n == 0) {
    drop_from(writer_);
  } else if (kept < max_components_) {
    reserve_for(1);
    drop_from(writer_);
    insert(i, std::move(part));
  } else {
    add_to_full(i, kept, std::move(part));
  }
  max_capacity_ = std::max(max_capacity_, capacity());
  writer_ = capacity();
  return *this;
}

void CompositeByteBuf::collect(FlatParts& flat, const CompositeByteBuf& parts) {
  // An empty composite is one empty part, not none: it does what any part does to unwritten bytes.
  if (!parts.is_readable()) return flat.push_back(ByteBuf());
  parts.for_each_part(parts.reader_, parts.writer_ - parts.reader_,
                      [&](ByteBuf part) { flat.push_back(std::move(part)); });
}

/// Appends all parts or, on an exception, none.
CompositeByteBuf& CompositeByteBuf::add_all(FlatParts parts) {
  check_not_read_only();
  if (components_.size() + parts.size() <= max_components_) {
    reserve_for(parts.size());
    // Nothing of what add_component does can fail from here on.
    for (ByteBuf& part : parts) add_component(components_.size(), std::move(part));
    return *this;
  }
  CompositeByteBuf next(*this);
  for (ByteBuf& part : parts) next.add_component(next.components_.size(), std::move(part));
  swap(next);
  return *this;
}

/// Adds a part to a composite that has all the components it may: they become one first. A part
/// between them goes into that one too.
void CompositeByteBuf::add_to_full(std::size_t i, std::size_t kept, ByteBuf part) {
  Components next;
  next.reserve(2);
  const bool apart = max_components_ > 1 && (i == 0 || i == kept);
  if (apart) {
    next.push_back({gathered(0, kept, writer_), 0});
    next.insert(i == 0 ? next.begin() : next.end(), Component{std::move(part), 0});
  } else {
    const std::size_t before = i == kept ? writer_ : components_[i].begin;
    ByteBuf whole = gathered(0, i, writer_ + part.capacity());
    std::byte* to = Access::memory(whole) + before;
    std::memcpy(to, Access::memory(part), part.capacity());
    detail::copy_out({source(), before, writer_ - before}, to + part.capacity());
    next.push_back({std::move(whole), 0});
  }
  components_.swap(next);
  renumber(0);
}

CompositeByteBuf& CompositeByteBuf::remove_components(std::size_t i, std::size_t n) {
  check_not_read_only();
  check_component(i, n);
  if (n == 0) return *this;
  const std::size_t begin = components_[i].begin;
  const std::size_t end = components_[i + n - 1].end();
  const auto moved = [begin, end](std::size_t index) noexcept {
    return index >= end ? index - (end - begin) : std::min(index, begin);
  };
  const auto first = components_.begin() + static_cast<std::ptrdiff_t>(i);
  components_.erase(first, first + static_cast<std::ptrdiff_t>(n));
  reader_ = moved(reader_);
  writer_ = moved(writer_);
  renumber(i);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::consolidate(std::size_t i, std::size_t n) {
  check_component(i, n);
  if (n <= 1) return *this;
  const std::size_t size = components_[i + n - 1].end() - components_[i].begin;
  components_[i].buf = gathered(i, i + n, size);
  const auto first = components_.begin() + static_cast<std::ptrdiff_t>(i);
  components_.erase(first + 1, first + static_cast<std::ptrdiff_t>(n));
  renumber(i);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::discard_read_components() {
  check_not_read_only();
  drop_before(reader_ == capacity() ? capacity() : component_at(reader_).begin);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::discard_read_bytes() {
  check_not_read_only();
  drop_before(reader_);
  return *this;
}

/// Moves the components for which `is_wanted(buf)` holds to memory of their own; all of them or, on
/// an exception, none. @returns whether any.
template <class F>
bool CompositeByteBuf::move_components(F is_wanted) {
  FlatParts moved;  // at the component's index; empty where that stays
  for (std::size_t i = 0; i < components_.size(); ++i) {
    if (!is_wanted(components_[i].buf)) continue;
    if (moved.empty()) moved.resize(components_.size());
    moved[i] = Access::moved(components_[i].buf);
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (moved[i]) components_[i].buf.swap(moved[i]);
  }
  return !moved.empty();
}

bool CompositeByteBuf::compact_if_sparse() {
  check_not_read_only();
  const auto is_sparse = [](const ByteBuf& buf) { return Access::pins_much(buf); };
  const bool half_read = reader_ != 0 && reader_ >= capacity() - reader_;
  if (!half_read) return move_components(is_sparse);
  // What is left of the first component may be sparse only then.
  CompositeByteBuf next(*this);
  next.drop_before(reader_);
  static_cast<void>(next.move_components(is_sparse));
  swap(next);
  return true;
}

CompositeByteBuf& CompositeByteBuf::make_unique() {
  static_cast<void>(move_components([](const ByteBuf& buf) { return !buf.is_unique(); }));
  return *this;
}

// --- Derived buffers
// ------------------------------------------------------------------------------

CompositeByteBuf CompositeByteBuf::as_read_only() const {
  CompositeByteBuf view(*this);
  view.extent_.make_read_only();
  return view;
}

CompositeByteBuf CompositeByteBuf::window(std::size_t index, std::size_t n) const {
  CompositeByteBuf part;
  for_each_part(index, n, [&](ByteBuf piece) {
    part.reserve_for(1);
    part.components_.push_back({std::move(piece), part.capacity()});
    part.set_capacity(part.components_.back().end());
  });
  part.origin_ = origin_;
  part.max_components_ = max_components_;
  if (is_read_only()) part.extent_.make_read_only();
  part.max_capacity_ = part.writer_ = n;
  return part;
}

CompositeByteBuf CompositeByteBuf::read_slice(std::size_t n) {
  check_readable(n);
  CompositeByteBuf part = window(reader_, n);
  reader_ += n;
  return part;
}

ByteBuf CompositeByteBuf::copy_range(std::size_t index, std::size_t n) const {
  if (!*this) return {};
  pool::Region* const region = take_region(n);
  detail::copy_out({source(), index, n}, region->data);
  return Access::make(region, region->data, n, max_capacity_).writer_index(n);
}

ByteBuf CompositeByteBuf::read_bytes(std::size_t n) {
  check_readable(n);
  ByteBuf part = copy_range(reader_, n);
  reader_ += n;
  return part;
}

// --- Made by an allocator ------------------------------------------------------------------------

CompositeByteBuf Allocator::composite_buffer(std::size_t max_components) {
  return detail::CompositeAccess::make(max_components, buffer(0));
}

// --- Description
// ----------------------------------------------------------------------------------

void CompositeByteBuf::audit() const {
  std::size_t at = 0;
  for (const Component& component : components_) {
    TARN_CHECK(component.begin == at);
    TARN_CHECK(component.size() != 0);
    TARN_CHECK(component.buf.ref_count() != 0);
    at = component.end();
  }
  TARN_CHECK(capacity() == at);
  TARN_CHECK(reader_ <= writer_ && writer_ <= capacity() && capacity() <= max_capacity_);
  TARN_CHECK(components_.size() <= max_components_);
}

std::string describe(const CompositeByteBuf& buf) {
  return "CompositeByteBuf(ridx: " + std::to_string(buf.reader_index()) +
         ", widx: " + std::to_string(buf.writer_index()) +
         ", cap: " + std::to_string(buf.capacity()) +
         ", components: " + std::to_string(buf.component_count()) + ')';
}

std::ostream& operator<<(std::ostream& out, const CompositeByteBuf& buf) {
  return out << describe(buf);
}

}  // namespace tarn
