// SPDX-License-Identifier: Apache-2.0
// ByteBuf: a shared window on memory with a reader and a writer index. Layer: buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tarn/detail/buffer/byte_range.hpp"
#include "tarn/detail/buffer/byte_source.hpp"
#include "tarn/detail/buffer/errors.hpp"
#include "tarn/detail/buffer/foreign.hpp"
#include "tarn/detail/buffer/io_access.hpp"
#include "tarn/detail/buffer/ref_count.hpp"
#include "tarn/detail/pool/region.hpp"

namespace tarn {

namespace detail {
struct ByteBufAccess;
}

/// A window on shared memory, with a reader and a writer index of its own.
///
///     0 <= reader_index() <= writer_index() <= capacity() <= max_capacity()
///
///     |  read already   |    readable     |    writable     |  by growth      |
///     0 .......... reader_index() .. writer_index() .... capacity() .. max_capacity()
///
/// A value: copying shares the memory (one more reference, no byte is copied), `copy()` copies
/// bytes, the last sharer to go gives the memory back to where it came from. Sizes are bytes,
/// indices count from the window's start. A default-made, moved-from or released ByteBuf is empty:
/// everything is 0, and it owns nothing. A region taken from an allocator is not zeroed.
///
/// Pointers, spans and iovecs into a ByteBuf are valid until the last sharer dies or this ByteBuf
/// grows, shrinks, discards, compacts, is assigned or released.
///
/// On an exception nothing has changed. A read-only ByteBuf refuses everything that would write or
/// resize with ReadOnlyError, before it looks at ranges.
///
/// Thread safety: one thread at a time may use one ByteBuf. ByteBufs that share memory may be read,
/// copied, sliced, grown and destroyed by different threads at once. Writing bytes that another
/// thread looks at is a data race: write while is_unique(), or where nobody else looks.
class ByteBuf : public detail::IoAccess<ByteBuf> {
  using Base = detail::IoAccess<ByteBuf>;

 public:
  /// The empty ByteBuf.
  ByteBuf() noexcept = default;

  /// Shares `other`'s memory; the indices are copied.
  /// @errors std::length_error beyond 2^31 sharers.
  /// @complexity one relaxed increment.
  ByteBuf(const ByteBuf& other) : Base(other), region_(other.region_) {
    data_ = other.data_;
    if (region_ != nullptr) detail::share(region_);
  }
  ByteBuf(ByteBuf&& other) noexcept : Base(other), region_(other.region_), data_(other.data_) {
    other.forget();
  }
  ByteBuf& operator=(const ByteBuf& other) {
    ByteBuf(other).swap(*this);
    return *this;
  }
  ByteBuf& operator=(ByteBuf&& other) noexcept {
    ByteBuf(std::move(other)).swap(*this);
    return *this;
  }
  ~ByteBuf() {
    if (region_ != nullptr) detail::unshare(region_);
  }

  void swap(ByteBuf& other) noexcept {
    swap_indices(other);
    std::swap(region_, other.region_);
    std::swap(data_, other.data_);
  }
  friend void swap(ByteBuf& a, ByteBuf& b) noexcept { a.swap(b); }

  // --- Making buffers of other memory -----------------------------------------------------------

  /// A buffer over memory that is not owned and must outlive every sharer. All of it is readable;
  /// it doesn't grow. Constant elements make it read-only. Ranges that own their bytes must be
  /// lvalues.
  /// @errors std::bad_alloc for the control block.
  template <class R>
  requires detail::BorrowedByteRange<R>
  [[nodiscard]] static ByteBuf wrap(R&& range) {
    const std::span<const std::byte> bytes = detail::bytes_of(range);
    // The extent keeps the constness that is cast away here.
    ByteBuf wrapped(detail::make_wrapped_region(const_cast<std::byte*>(bytes.data()), bytes.size()),
                    bytes.size());
    if constexpr (!detail::MutableByteRange<R>) wrapped.extent_.make_read_only();
    return wrapped;
  }

  /// A buffer that owns `n` bytes at `memory`. All of it is readable; it doesn't grow.
  ///
  /// `deleter(memory, n)`, or `deleter(memory)`, is called once, in the thread that lets go of the
  /// last share, or here when adopt itself throws. It may be move-only and must not throw.
  /// @errors std::bad_alloc for the control block.
  template <class D>
  requires detail::Deleter<D>
  [[nodiscard]] static ByteBuf adopt(void* memory, std::size_t n, D deleter) {
    using Region = detail::AdoptedRegion<D>;
    Region* region = nullptr;
    try {
      region = new Region(memory, n, std::move(deleter));
    } catch (...) {
      Region::call(deleter, memory, n);
      throw;
    }
    return ByteBuf(region, n);
  }
  /// The same for what a string or vector of bytes holds; it is moved, never copied.
  template <class T, class... Rest>
  requires detail::ByteSized<T>
  [[nodiscard]] static ByteBuf adopt(std::vector<T, Rest...> bytes) {
    return adopt_owner(std::move(bytes));
  }
  template <class T, class... Rest>
  requires detail::ByteSized<T>
  [[nodiscard]] static ByteBuf adopt(std::basic_string<T, Rest...> bytes) {
    return adopt_owner(std::move(bytes));
  }
  /// The same for an array of `n` bytes.
  template <class T, class D>
  requires detail::ByteSized<T>
  [[nodiscard]] static ByteBuf adopt(std::unique_ptr<T[], D> bytes, std::size_t n) {
    auto* const region = new detail::OwnerRegion<std::unique_ptr<T[], D>>(std::move(bytes));
    detail::describe_foreign(*region, region->owner.get(), n);
    return ByteBuf(region, n);
  }

  /// A buffer with a copy of `bytes` in memory of its own, all of it readable; it grows.
  /// @errors std::bad_alloc.
  template <class T>
  requires detail::BytesArgument<T>
  [[nodiscard]] static ByteBuf wrap_copy(T&& bytes) { return copy_of(detail::bytes_of(bytes)); }

  /// A buffer of the bytes that hex digits stand for, two a byte, in either case; it grows.
  /// @errors std::invalid_argument naming the position of what is no digit, or of the missing one.
  [[nodiscard]] static ByteBuf from_hex(std::string_view digits);

  // --- State and sharing ------------------------------------------------------------------------

  /// False only when default-made, moved-from, released, or the result of a try_ form that failed.
  [[nodiscard]] explicit operator bool() const noexcept { return region_ != nullptr; }

  /// How many ByteBufs share the memory, this one included; 0 when empty. Others may be changing
  /// it.
  [[nodiscard]] std::uint32_t ref_count() const noexcept {
    // Relaxed: a figure to look at; is_unique() is the one to act on.
    return region_ == nullptr ? 0 : region_->refs.load_relaxed();
  }
  /// Whether nobody else shares the memory. True synchronises with the releases of all former
  /// sharers.
  [[nodiscard]] bool is_unique() const noexcept {
    return region_ != nullptr && detail::is_only_share(region_);
  }

  /// Lets go of this share; the ByteBuf is empty then.
  void release() noexcept {
    if (region_ == nullptr) return;
    pool::Region* const old = region_;
    forget();
    detail::unshare(old);
  }

  /// Moves to memory of its own if it is shared; capacity, indices and all bytes stay.
  /// @errors std::bad_alloc.
  ByteBuf& make_unique() {
    if (region_ != nullptr && !is_unique()) move_to_own(0, capacity());
    return *this;
  }

  /// Another ByteBuf over the same window, with the same indices; a copy of the value.
  [[nodiscard]] ByteBuf duplicate() const { return *this; }
  /// The same, for reading only.
  [[nodiscard]] ByteBuf as_read_only() const {
    ByteBuf view(*this);
    if (region_ != nullptr) view.extent_.make_read_only();
    return view;
  }
  /// The readable bytes as a window of their own, shared.
  [[nodiscard]] ByteBuf slice() const { return window(reader_, writer_ - reader_); }
  /// `n` bytes from `index` on as a window of their own, shared: all readable; it doesn't grow.
  /// @errors std::out_of_range beyond capacity().
  [[nodiscard]] ByteBuf slice(std::size_t index, std::size_t n) const {
    check_range(index, n);
    return window(index, n);
  }
  /// The next `n` bytes as a slice; the reader index moves.
  /// @errors std::out_of_range beyond the writer index.
  ByteBuf read_slice(std::size_t n) {
    check_readable(n);
    ByteBuf part = window(reader_, n);
    reader_ += n;
    return part;
  }

  /// A copy of the readable bytes in memory of its own, from the same allocator; max_capacity()
  /// stays.
  [[nodiscard]] ByteBuf copy() const { return copy_range(reader_, writer_ - reader_); }
  /// A copy of `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
  [[nodiscard]] ByteBuf copy(std::size_t index, std::size_t n) const {
    check_range(index, n);
    return copy_range(index, n);
  }
  using Base::read_bytes;
  /// A copy of the next `n` bytes; the reader index moves.
  [[nodiscard]] ByteBuf read_bytes(std::size_t n) {
    check_readable(n);
    ByteBuf part = copy_range(reader_, n);
    reader_ += n;
    return part;
  }

  // --- Memory -----------------------------------------------------------------------------------

  /// The address of index 0; null when empty.
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  /// The same, to write to. @errors ReadOnlyError.
  [[nodiscard]] std::byte* data() {
    check_not_read_only();
    return data_;
  }
  /// The bytes between the indices.
  [[nodiscard]] std::span<const std::byte> readable() const noexcept {
    return {data_ + reader_, writer_ - reader_};
  }
  /// The bytes from the writer index up to capacity(): put bytes there, then advance().
  /// @errors ReadOnlyError.
  [[nodiscard]] std::span<std::byte> writable() {
    check_not_read_only();
    return {data_ + writer_, capacity() - writer_};
  }

  // --- Size -------------------------------------------------------------------------------------

  using Base::capacity;
  /// Sets the capacity to exactly `n`; a shrink pulls the indices down, growth keeps the bytes
  /// before the writer index.
  /// @errors ReadOnlyError, std::invalid_argument beyond max_capacity(), std::bad_alloc.
  ByteBuf& capacity(std::size_t n);

  /// Makes `n` bytes writable, by growth if need be: in place when nobody shares the memory and it
  /// has room, or is of four pages or more and can have those behind it; else in new memory, and
  /// other sharers keep theirs.
  /// @errors ReadOnlyError, std::out_of_range beyond max_capacity(), std::bad_alloc.
  ByteBuf& ensure_writable(std::size_t n) {
    prepare_write(n);
    return *this;
  }

  /// Moves the readable bytes to index 0, to memory of its own first when it is shared.
  /// @errors ReadOnlyError, std::bad_alloc.
  ByteBuf& discard_read_bytes();

  /// Stops pinning memory that it hardly uses: discards the read bytes when they are half of the
  /// capacity; else, when the window is less than a quarter of its region, moves to memory of its
  /// own size.
  /// @returns whether it moved. @errors ReadOnlyError, std::bad_alloc.
  bool compact_if_sparse();

  /// Makes headroom() at least `n`, so that prepend() of so many bytes copies nothing else. Best
  /// done at creation; readable bytes move up, into new memory when it is shared.
  /// @errors ReadOnlyError, std::out_of_range when there is no room up to max_capacity(),
  ///         std::bad_alloc.
  ByteBuf& reserve_headroom(std::size_t n);

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
  friend struct detail::ByteBufAccess;

  /// Takes over one share of `region`.
  ByteBuf(pool::Region* region, std::byte* data, std::size_t capacity,
          std::size_t max_capacity) noexcept
      : Base(capacity, max_capacity, 0, 0), region_(region), data_(data) {}

  /// A full buffer of the first `n` bytes of `region`.
  ByteBuf(pool::Region* region, std::size_t n) noexcept
      : Base(n, n, 0, n), region_(region), data_(region->data) {}
  /// A window of `n` bytes from `index` on, which shares `whole`'s memory.
  ByteBuf(const ByteBuf& whole, std::size_t index, std::size_t n)
      : Base(whole.extent_, n), region_(whole.region_), data_(whole.data_ + index) {
    if (region_ != nullptr) detail::share(region_);
  }
  template <class Owner>
  requires(!std::is_reference_v<Owner>)  // a temporary or moved from: the region takes it over
      [[nodiscard]] static ByteBuf adopt_owner(Owner&& owner) {
    auto* const region = new detail::OwnerRegion<Owner>(std::forward<Owner>(owner));
    detail::describe_foreign(*region, region->owner.data(), region->owner.size());
    return ByteBuf(region, region->capacity);
  }
  [[nodiscard]] static ByteBuf copy_of(std::span<const std::byte> bytes);

  void forget() noexcept {
    region_ = nullptr;
    data_ = nullptr;
    clear_bounds();
  }

  [[nodiscard]] ByteBuf window(std::size_t index, std::size_t n) const {
    return ByteBuf(*this, index, n);
  }
  [[nodiscard]] ByteBuf copy_range(std::size_t index, std::size_t n) const;

  // What the bases ask for.

  template <std::size_t N>
  [[nodiscard]] std::array<std::byte, N> load_raw(std::size_t index) const noexcept {
    std::array<std::byte, N> bytes;
    std::memcpy(bytes.data(), data_ + index, N);
    return bytes;
  }
  template <std::size_t N>
  void store_raw(std::size_t index, const std::array<std::byte, N>& bytes) noexcept {
    std::memcpy(data_ + index, bytes.data(), N);
  }
  // Where the bytes are is read once: the compiler can't know that no byte stored is part of *this.
  template <std::size_t N, class F>
  void load_each(std::size_t index, std::size_t count, F f) const {
    const std::byte* const from = data_ + index;
    for (std::size_t i = 0; i < count; ++i) {
      std::array<std::byte, N> bytes;
      std::memcpy(bytes.data(), from + i * N, N);
      f(i, bytes);
    }
  }
  template <std::size_t N, class F>
  void store_each(std::size_t index, std::size_t count, F f) noexcept {
    std::byte* const to = data_ + index;
    for (std::size_t i = 0; i < count; ++i) {
      const std::array<std::byte, N> bytes = f(i);
      std::memcpy(to + i * N, bytes.data(), N);
    }
  }
  static void check_pieces_writable(std::size_t, std::size_t) noexcept {}
  [[gnu::cold]] void prepare_write_slow(std::size_t n);

  void copy_bytes_out(std::size_t index, std::span<std::byte> to) const noexcept {
    if (!to.empty()) std::memmove(to.data(), data_ + index, to.size());
  }
  [[nodiscard]] const std::byte* peek(std::size_t index, std::size_t, std::byte*) const noexcept {
    return data_ + index;
  }
  void store_bytes(std::size_t index, std::span<const std::byte> from) noexcept {
    if (!from.empty()) std::memmove(data_ + index, from.data(), from.size());
  }
  void append(std::span<const std::byte> from) {
    if (from.size() > capacity() - writer_ || is_read_only()) [[unlikely]] {
      append_slow(from);
      return;
    }
    store_bytes(writer_, from);
    writer_ += from.size();
  }
  [[gnu::cold]] void append_slow(std::span<const std::byte> from);
  void store_from(std::size_t index, detail::SourceRange from);
  void append_from(detail::SourceRange from);
  void fill_zero(std::size_t index, std::size_t n) noexcept {
    if (n != 0) std::memset(data_ + index, 0, n);
  }
  void prepend_bytes(std::span<const std::byte> from);
  void prepend_from(detail::SourceRange from);

  [[nodiscard]] detail::ByteSource source() const noexcept;

  // Growth and moves; see src/buffer/byte_buf_growth.cpp.

  [[nodiscard]] std::size_t room() const noexcept;
  [[nodiscard]] bool pins_much() const noexcept;
  [[nodiscard]] pool::Region* replace_region(pool::Region* fresh) noexcept;
  [[nodiscard]] pool::Region* grow(std::size_t new_capacity);
  [[nodiscard]] pool::Region* make_headroom(std::size_t n, bool may_move_in_place);
  void move_to_own(std::size_t index, std::size_t n);

  pool::Region* region_ = nullptr;
  std::byte* data_ = nullptr;
};
static_assert(sizeof(ByteBuf) <= 48, "six words: handed about by value");

namespace detail {

/// How allocators make a ByteBuf, and what tests and the composite look at.
struct ByteBufAccess {
  /// A ByteBuf over `[data, data + capacity)` of `region`, whose one reference it takes over.
  [[nodiscard]] static ByteBuf make(pool::Region* region, std::byte* data, std::size_t capacity,
                                    std::size_t max_capacity) noexcept {
    return {region, data, capacity, max_capacity};
  }
  [[nodiscard]] static pool::Region* region(const ByteBuf& buf) noexcept { return buf.region_; }

  /// Takes the one share out of a buffer that nobody else has.
  [[nodiscard]] static pool::Region* detach(ByteBuf buf) noexcept {
    pool::Region* const region = buf.region_;
    buf.forget();
    return region;
  }

  // For the composite, whose components are windows without indices of their own.

  /// A full buffer of the first `n` bytes of `region`, whose one reference it takes over.
  [[nodiscard]] static ByteBuf make_full(pool::Region* region, std::size_t n) noexcept {
    return {region, n};
  }
  /// The address of index 0, whoever may write there.
  [[nodiscard]] static std::byte* memory(const ByteBuf& buf) noexcept { return buf.data_; }
  /// Makes `buf` a window of `n` of its bytes from `index` on, all readable.
  static void narrow(ByteBuf& buf, std::size_t index, std::size_t n) noexcept {
    buf.data_ += index;
    buf.set_full(n);
  }
  /// Whether compact_if_sparse() would move a window that nothing has been read from.
  [[nodiscard]] static bool pins_much(const ByteBuf& buf) noexcept { return buf.pins_much(); }
  /// The same window in memory of its own. @errors std::bad_alloc.
  [[nodiscard]] static ByteBuf moved(ByteBuf buf) {
    buf.move_to_own(0, buf.capacity());
    return buf;
  }
};

}  // namespace detail
}  // namespace tarn

// Part of the same concept; it needs the whole of ByteBuf first.
#include "tarn/composite_byte_buf.hpp"  // IWYU pragma: export
