// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: several buffers that read and write as one. Layer: buffer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tarn/byte_buf.hpp"
#include "tarn/detail/buffer/blocks.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn {

namespace detail {
struct CompositeAccess;
}

/// A sequence of buffers that behaves as one buffer: a header and a body are sent, or searched,
/// together without being copied together.
///
///     components:   |  header  |       body        |  tail   |
///     indices:      0 ... reader_index() ... writer_index() ... capacity()
///
/// A value: a copy shares the components. All of ByteBuf's members are here but those that need one
/// piece of memory or one owner: data, readable, writable, ref_count, is_unique, adopt, wrap.
///
/// A component is the part's readable bytes, shared. A write past the end adds a component, made
/// like the composite's first allocator would, else like the last component's, else by
/// PooledAllocator::shared(). A write that touches a read-only component throws ReadOnlyError and
/// has written nothing. When there are max_components() already, one more consolidates all of them
/// into one first.
///
/// Invariant: no component is empty; each begins where the one before ends; the last one ends at
/// capacity().
///
/// Thread safety: as ByteBuf: one thread at a time, const members included only in that nobody else
/// writes.
/// @complexity an access finds its component in O(log components), in O(1) when it is that of the
///             last access or the one behind it.
class CompositeByteBuf : public detail::IoAccess<CompositeByteBuf> {
  using Base = detail::IoAccess<CompositeByteBuf>;
  using Access = detail::ByteBufAccess;
  using FlatParts = std::vector<ByteBuf, detail::BlockAllocator<ByteBuf>>;

 public:
  static constexpr std::size_t kDefaultMaxComponents = 16;  // as Netty's

  /// An empty composite. @errors std::invalid_argument when `max_components` is 0.
  explicit CompositeByteBuf(std::size_t max_components = kDefaultMaxComponents);

  CompositeByteBuf(const CompositeByteBuf& other) = default;
  CompositeByteBuf(CompositeByteBuf&& other) noexcept;
  CompositeByteBuf& operator=(const CompositeByteBuf& other) {
    CompositeByteBuf(other).swap(*this);
    return *this;
  }
  CompositeByteBuf& operator=(CompositeByteBuf&& other) noexcept {
    CompositeByteBuf(std::move(other)).swap(*this);
    return *this;
  }
  ~CompositeByteBuf() = default;

  void swap(CompositeByteBuf& other) noexcept;
  friend void swap(CompositeByteBuf& a, CompositeByteBuf& b) noexcept { a.swap(b); }

  /// A composite of one component with a copy of `bytes`.
  template <class T>
  requires detail::BytesArgument<T>
  [[nodiscard]] static CompositeByteBuf wrap_copy(T&& bytes) {
    return of_one(ByteBuf::wrap_copy(std::forward<T>(bytes)));
  }
  /// A composite of one component with the bytes that hex digits stand for.
  /// @errors as ByteBuf::from_hex.
  [[nodiscard]] static CompositeByteBuf from_hex(std::string_view digits) {
    return of_one(ByteBuf::from_hex(digits));
  }

  // --- Components -------------------------------------------------------------------------------

  /// Appends the part's readable bytes, shared and readable at once: the writer index becomes
  /// capacity(). Bytes behind the writer index are dropped first; an empty part is not kept.
  /// @errors ReadOnlyError, std::bad_alloc.
  CompositeByteBuf& add_component(ByteBuf part) {
    return add_component(components_.size(), std::move(part));
  }
  /// Inserts it before component `i`; `i` may be component_count().
  /// @errors the same, and std::out_of_range naming `i` and the count.
  CompositeByteBuf& add_component(std::size_t i, ByteBuf part);
  /// Appends the components of another composite's readable bytes, one by one.
  CompositeByteBuf& add_component(const CompositeByteBuf& parts) { return add_components(parts); }

  /// Appends every buffer of a range, in order; all of them or, on an exception, none.
  template <std::ranges::input_range R>
  requires detail::BufferLike<std::ranges::range_value_t<R>> CompositeByteBuf& add_components(
      R&& parts) {
    FlatParts flat;
    for (auto&& part : parts) collect(flat, std::forward<decltype(part)>(part));
    return add_all(std::move(flat));
  }
  /// The same for single buffers.
  template <class... Parts>
  requires(sizeof...(Parts) > 0 && (detail::BufferLike<std::remove_cvref_t<Parts>> &&
                                    ...)) CompositeByteBuf& add_components(Parts&&... parts) {
    FlatParts flat;
    (collect(flat, std::forward<Parts>(parts)), ...);
    return add_all(std::move(flat));
  }

  /// Takes component `i` out. Indices behind it go down with the bytes they stand at.
  /// @errors ReadOnlyError, std::out_of_range naming `i` and the count.
  CompositeByteBuf& remove_component(std::size_t i) { return remove_components(i, 1); }
  /// Takes `n` components out from `i` on.
  CompositeByteBuf& remove_components(std::size_t i, std::size_t n);

  /// Component `i`, shared: all of its bytes readable.
  /// @errors std::out_of_range naming `i` and the count.
  [[nodiscard]] ByteBuf component(std::size_t i) const;
  [[nodiscard]] std::size_t component_count() const noexcept { return components_.size(); }
  [[nodiscard]] std::size_t max_components() const noexcept { return max_components_; }
  /// Which component holds byte `offset`. @errors std::out_of_range beyond capacity().
  [[nodiscard]] std::size_t component_index(std::size_t offset) const;
  /// The offset at which component `i` begins. @errors std::out_of_range naming `i` and the count.
  [[nodiscard]] std::size_t component_offset(std::size_t i) const;

  /// Copies all components into one. @errors std::bad_alloc.
  CompositeByteBuf& consolidate() { return consolidate(0, components_.size()); }
  /// Copies `n` components from `i` on into one. @errors std::out_of_range, std::bad_alloc.
  CompositeByteBuf& consolidate(std::size_t i, std::size_t n);

  /// Drops the components that have been read to their end; indices go down. @errors ReadOnlyError.
  CompositeByteBuf& discard_read_components();

  /// Shared slices that together are `n` bytes from `index` on, one a component.
  /// @errors std::out_of_range beyond capacity().
  [[nodiscard]] std::vector<ByteBuf> decompose(std::size_t index, std::size_t n) const;

  // --- As ByteBuf -------------------------------------------------------------------------------

  /// False only when moved-from or released.
  [[nodiscard]] explicit operator bool() const noexcept { return max_components_ != 0; }

  /// Lets go of every component; what is left behaves like the empty ByteBuf until a component is
  /// added.
  void release() noexcept { CompositeByteBuf(std::move(*this)); }
  /// Moves every component that is shared to memory of its own. @errors std::bad_alloc.
  CompositeByteBuf& make_unique();

  [[nodiscard]] CompositeByteBuf duplicate() const { return *this; }
  [[nodiscard]] CompositeByteBuf as_read_only() const;
  /// The readable bytes, shared, as a composite that doesn't grow by writing.
  [[nodiscard]] CompositeByteBuf slice() const { return window(reader_, writer_ - reader_); }
  /// @errors std::out_of_range beyond capacity().
  [[nodiscard]] CompositeByteBuf slice(std::size_t index, std::size_t n) const {
    check_range(index, n);
    return window(index, n);
  }
  CompositeByteBuf read_slice(std::size_t n);

  /// A copy of the readable bytes as one buffer, in memory like a new component's.
  [[nodiscard]] ByteBuf copy() const { return copy_range(reader_, writer_ - reader_); }
  /// @errors std::out_of_range beyond capacity().
  [[nodiscard]] ByteBuf copy(std::size_t index, std::size_t n) const {
    check_range(index, n);
    return copy_range(index, n);
  }
  using Base::read_bytes;
  /// A copy of the next `n` bytes as one buffer; the reader index moves.
  [[nodiscard]] ByteBuf read_bytes(std::size_t n);

  using Base::capacity;
  /// Sets the capacity to exactly `n`: by one component more, or by dropping what lies behind.
  /// @errors ReadOnlyError, std::invalid_argument beyond max_capacity(), std::bad_alloc.
  CompositeByteBuf& capacity(std::size_t n);
  /// Makes `n` bytes writable, by one component more if need be.
  /// @errors ReadOnlyError, std::out_of_range beyond max_capacity(), std::bad_alloc.
  CompositeByteBuf& ensure_writable(std::size_t n);

  /// Drops the bytes before the reader index, which becomes 0; nothing is copied.
  /// @errors ReadOnlyError.
  CompositeByteBuf& discard_read_bytes();
  /// Discards the read bytes when they are half of the capacity, and moves each component that is
  /// less than a quarter of its region to memory of its own. @returns whether anything moved.
  bool compact_if_sparse();
  /// Makes headroom() at least `n`, by a component before the readable bytes.
  /// @errors ReadOnlyError, std::out_of_range when there is no room up to max_capacity(),
  ///         std::bad_alloc.
  CompositeByteBuf& reserve_headroom(std::size_t n);

  /// Checks the invariant; fatal when it is broken.
  void audit() const;

 private:
  template <class>
  friend class detail::IndexedBytes;
  template <class>
  friend class detail::TypedAccess;
  template <class>
  friend class detail::BulkAccess;
  template <class>
  friend class detail::VarintAccess;
  template <class>
  friend class detail::SearchAccess;
  template <class>
  friend class detail::TextAccess;
  template <class>
  friend class detail::IoAccess;
  friend struct detail::ComparisonAccess;
  friend struct detail::CompositeAccess;
  friend IoVecs iovecs(const CompositeByteBuf& buf, std::size_t index, std::size_t n);
  friend IoVecs writable_iovecs(CompositeByteBuf& buf, std::size_t n);

  /// One buffer and where it stands. All of the buffer's window counts; its indices don't.
  struct Component {
    ByteBuf buf;
    std::size_t begin;

    [[nodiscard]] std::size_t size() const noexcept { return buf.capacity(); }
    [[nodiscard]] std::size_t end() const noexcept { return begin + size(); }
    [[nodiscard]] std::byte* data() const noexcept { return Access::memory(buf); }
  };
  using Components = std::vector<Component, detail::BlockAllocator<Component>>;

  /// The component of the last access. Relaxed: any value is a correct guess, and a composite that
  /// is only looked at may be looked at by several threads.
  class Guess {
   public:
    Guess() noexcept = default;
    Guess(const Guess& other) noexcept : index_(other.get()) {}
    Guess& operator=(const Guess& other) noexcept {
      set(other.get());
      return *this;
    }
    ~Guess() = default;
    [[nodiscard]] std::size_t get() const noexcept { return index_.load_relaxed(); }
    void set(std::size_t i) const noexcept { index_.store_relaxed(i); }

   private:
    mutable sync::Atomic<std::size_t> index_{0};
  };

  [[nodiscard]] static CompositeByteBuf of_one(ByteBuf part);

  // --- What the bases ask for -------------------------------------------------------------------

  template <std::size_t N>
  [[nodiscard]] std::array<std::byte, N> load_raw(std::size_t index) const noexcept {
    const Component& component = component_at(index);
    const std::size_t offset = index - component.begin;
    std::array<std::byte, N> bytes;
    if (component.size() - offset >= N) [[likely]] {
      std::memcpy(bytes.data(), component.data() + offset, N);
    } else {
      detail::copy_out({source(), index, N}, bytes.data());
    }
    return bytes;
  }
  template <std::size_t N>
  void store_raw(std::size_t index, const std::array<std::byte, N>& bytes) {
    const Component& component = component_at(index);
    const std::size_t offset = index - component.begin;
    if (component.size() - offset >= N && !component.buf.is_read_only()) [[likely]] {
      std::memcpy(component.data() + offset, bytes.data(), N);
    } else {
      store_bytes(index, bytes);
    }
  }
  template <std::size_t N, class F>
  void load_each(std::size_t index, std::size_t count, F f) const {
    for (std::size_t i = 0; i < count; ++i) f(i, load_raw<N>(index + i * N));
  }
  template <std::size_t N, class F>
  void store_each(std::size_t index, std::size_t count, F f) {
    for (std::size_t i = 0; i < count; ++i) store_raw<N>(index + i * N, f(i));
  }
  [[nodiscard]] const std::byte* peek(std::size_t index, std::size_t n, std::byte* scratch) const;
  void copy_bytes_out(std::size_t index, std::span<std::byte> to) const;
  void store_bytes(std::size_t index, std::span<const std::byte> from);
  void store_from(std::size_t index, detail::SourceRange from);
  void append(std::span<const std::byte> from);
  void append_from(detail::SourceRange from);
  void fill_zero(std::size_t index, std::size_t n);
  void prepend_bytes(std::span<const std::byte> from);
  void prepend_from(detail::SourceRange from);
  [[nodiscard]] detail::ByteSource source() const noexcept;

  // --- Finding ----------------------------------------------------------------------------------

  /// The component with byte `index`. @pre index < capacity().
  [[nodiscard]] const Component& component_at(std::size_t index) const noexcept {
    const std::size_t guess = guess_.get();
    if (guess < components_.size()) [[likely]] {
      const Component& last = components_[guess];
      if (index - last.begin < last.size()) [[likely]]
        return last;  // wraps when it lies before
    }
    return component_at_slow(index);
  }
  [[nodiscard]] const Component& component_at_slow(std::size_t index) const noexcept;
  [[nodiscard]] std::size_t index_at(std::size_t offset) const noexcept;
  [[nodiscard]] std::size_t parts_before(std::size_t index) const noexcept;
  [[nodiscard]] std::size_t parts_up_to(std::size_t size) const noexcept;
  void check_component(std::size_t i, std::size_t n) const;
  /// Calls f(component, address, n) for each piece of `[index, index + n)`. @pre within capacity().
  template <class F>
  void for_each_piece(std::size_t index, std::size_t n, F&& f) const {
    if (n == 0) return;
    for (std::size_t i = index_at(index); n != 0; ++i) {
      const Component& component = components_[i];
      const std::size_t offset = index - component.begin;
      const std::size_t length = std::min(n, component.size() - offset);
      f(component, component.data() + offset, length);
      index += length;
      n -= length;
    }
  }

  // --- Changing the list, which cannot fail -----------------------------------------------------

  void insert(std::size_t i, ByteBuf part) noexcept;
  void drop_from(std::size_t size) noexcept;
  void drop_before(std::size_t index) noexcept;
  void renumber(std::size_t from) noexcept;

  // --- Adding -----------------------------------------------------------------------------------

  static void collect(FlatParts& flat, ByteBuf part) { flat.push_back(std::move(part)); }
  static void collect(FlatParts& flat, const CompositeByteBuf& parts);
  CompositeByteBuf& add_all(FlatParts parts);
  void add_to_full(std::size_t i, std::size_t kept, ByteBuf part);

  // --- Writing ----------------------------------------------------------------------------------

  [[nodiscard]] bool pieces_are_writable(std::size_t index, std::size_t n) const;
  void check_pieces_writable(std::size_t index, std::size_t n) const;
  [[nodiscard]] bool would_disturb(std::size_t index, detail::SourceRange from) const;
  [[nodiscard]] bool overlaps_components(detail::SourceRange from) const;
  void store_undisturbed(std::size_t index, detail::SourceRange from) noexcept;
  void check_headroom(std::size_t n) const;
  void put_before_readable(ByteBuf part);
  void put_before_full(ByteBuf part);

  // --- Memory -----------------------------------------------------------------------------------

  [[nodiscard]] pool::Region* take_region(std::size_t size) const;
  [[nodiscard]] ByteBuf full_buffer(std::size_t size) const;
  [[nodiscard]] ByteBuf gathered(std::size_t first, std::size_t last, std::size_t size) const;
  void reserve_for(std::size_t more);
  void add_capacity(std::size_t new_capacity);
  void prepare_write_slow(std::size_t n);
  template <class F>
  bool move_components(F is_wanted);

  // --- Parts ------------------------------------------------------------------------------------

  template <class F>
  void for_each_part(std::size_t index, std::size_t n, F f) const;
  [[nodiscard]] CompositeByteBuf window(std::size_t index, std::size_t n) const;
  [[nodiscard]] ByteBuf copy_range(std::size_t index, std::size_t n) const;

  Components components_;
  ByteBuf origin_;  // of the allocator that made the composite, if one did: where memory comes from
  std::size_t max_components_;
  Guess guess_;
};

namespace detail {

/// How allocators make a composite.
struct CompositeAccess {
  /// An empty composite that takes memory like `origin`'s.
  /// @errors std::invalid_argument when `max_components` is 0.
  [[nodiscard]] static CompositeByteBuf make(std::size_t max_components, ByteBuf origin) {
    CompositeByteBuf composite(max_components);
    composite.origin_ = std::move(origin);
    return composite;
  }
};

}  // namespace detail

/// As for ByteBuf; the description names the number of components too.
std::ostream& operator<<(std::ostream& out, const CompositeByteBuf& buf);
[[nodiscard]] std::string describe(const CompositeByteBuf& buf);

[[nodiscard]] IoVecs iovecs(const CompositeByteBuf& buf);
[[nodiscard]] IoVecs iovecs(const CompositeByteBuf& buf, std::size_t index, std::size_t n);
[[nodiscard]] IoVecs writable_iovecs(CompositeByteBuf& buf, std::size_t n);

}  // namespace tarn
