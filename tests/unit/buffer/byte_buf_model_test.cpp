// SPDX-License-Identifier: Apache-2.0
// Random operations on every variant of buffer, against a plain string with two integers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/buffer_variants.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {
namespace {

using testing_support::pattern;

/// What a buffer is, as simply as can be.
struct Model {
  std::string bytes;  // all of the capacity; what lies behind `writer` is unknown to the model
  std::size_t reader = 0;
  std::size_t writer = 0;
  std::size_t max = 0;

  [[nodiscard]] std::string readable() const { return bytes.substr(reader, writer - reader); }
};

/// The buffer under test beside its model; every operation is done to both.
template <class Buffer>
class Run {
 public:
  Run(const testing_support::Variant<Buffer>& variant, std::mt19937_64& random)
      : random_(random), buf_(variant.make(32, 3000)) {
    model_.max = buf_.max_capacity();
    sync_capacity();
  }

  void step() {
    using Operation = void (Run::*)();
    static constexpr std::array<Operation, 22> kOperations{
        &Run::write_bytes, &Run::write_number, &Run::write_zero, &Run::write_itself,
        &Run::read_bytes,  &Run::read_number,  &Run::skip,       &Run::set_bytes,
        &Run::set_number,  &Run::set_index,    &Run::clear,      &Run::discard,
        &Run::compact,     &Run::capacity,     &Run::ensure,     &Run::prepend,
        &Run::headroom,    &Run::share,        &Run::unshare,    &Run::make_unique,
        &Run::search,      &Run::consolidate};
    (this->*kOperations[below(kOperations.size())])();
    check();
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::size_t small() { return below(8) == 0 ? below(200) : below(12); }

  /// Does `operation` if `allowed`; else it must throw an E, and nothing may change.
  template <class E>
  bool attempt(bool allowed, const std::function<void()>& operation) {
    if (allowed) {
      EXPECT_NO_THROW(operation());
      return true;
    }
    EXPECT_THROW(operation(), E);
    return false;
  }
  /// Growth as API.md has it.
  void grow_for(std::size_t n) {
    if (n > model_.bytes.size() - model_.writer) {
      EXPECT_EQ(buf_.capacity(), detail::next_capacity(model_.writer + n, model_.max));
      sync_capacity();
    }
  }
  void sync_capacity() { model_.bytes.resize(buf_.capacity(), '?'); }
  [[nodiscard]] bool fits(std::size_t n) const { return n <= model_.max - model_.writer; }
  void put(const std::string& text) {
    grow_for(text.size());
    model_.bytes.replace(model_.writer, text.size(), text);
    model_.writer += text.size();
  }

  void write_bytes() {
    const std::string text = pattern(small(), static_cast<unsigned>(random_()));
    if (attempt<std::out_of_range>(fits(text.size()), [&] { buf_.write_bytes(text); })) put(text);
  }
  void write_number() {
    const auto value = static_cast<std::uint32_t>(random_());
    std::string text;
    for (unsigned i = 4; i-- != 0;) text.push_back(static_cast<char>(value >> 8 * i));
    if (attempt<std::out_of_range>(fits(4), [&] { buf_.write_u32(value); })) put(text);
  }
  void write_zero() {
    const std::size_t n = small();
    if (attempt<std::out_of_range>(fits(n), [&] { buf_.write_zero(n); })) put(std::string(n, '\0'));
  }
  void write_itself() {
    const std::string text = model_.readable();
    if (text.size() > 300) return;
    if (attempt<std::out_of_range>(fits(text.size()), [&] { buf_.write_bytes(buf_); })) put(text);
  }
  void read_bytes() {
    const std::size_t n = small();
    std::string out(n, '#');
    if (attempt<std::out_of_range>(n <= model_.readable().size(), [&] { buf_.read_bytes(out); })) {
      EXPECT_EQ(out, model_.readable().substr(0, n));
      model_.reader += n;
    } else {
      EXPECT_EQ(out, std::string(n, '#'));
    }
  }
  void read_number() {
    const std::string readable = model_.readable();
    const std::optional<std::uint16_t> value = buf_.try_read_u16_le();
    EXPECT_EQ(value.has_value(), readable.size() >= 2);
    if (!value) return;
    EXPECT_EQ(*value & 0xFF, static_cast<unsigned char>(readable[0]));
    EXPECT_EQ(*value >> 8, static_cast<unsigned char>(readable[1]));
    model_.reader += 2;
  }
  void skip() {
    const std::size_t n = small();
    if (attempt<std::out_of_range>(n <= model_.readable().size(), [&] { buf_.skip(n); })) {
      model_.reader += n;
    }
  }
  void set_bytes() {
    const std::string text = pattern(small(), static_cast<unsigned>(random_()));
    const std::size_t at = below(model_.writer + 2);
    const bool inside = at <= model_.bytes.size() && text.size() <= model_.bytes.size() - at;
    if (attempt<std::out_of_range>(inside, [&] { buf_.set_bytes(at, text); })) {
      model_.bytes.replace(at, text.size(), text);
    }
  }
  void set_number() {
    const std::size_t at = below(model_.writer + 2);
    const bool inside = at + 8 <= model_.bytes.size();
    if (attempt<std::out_of_range>(inside, [&] { buf_.set_u64(at, 0x4142434445464748); })) {
      model_.bytes.replace(at, 8, "ABCDEFGH");
    }
  }
  void set_index() {
    const std::size_t reader = below(model_.writer + 2);
    const std::size_t writer = below(model_.writer + 2);
    if (attempt<std::out_of_range>(reader <= writer && writer <= model_.bytes.size(),
                                   [&] { buf_.set_index(reader, writer); })) {
      // Only bytes that the model knows.
      if (writer > model_.writer)
        model_.bytes[model_.writer] = static_cast<char>(buf_.get_u8(model_.writer));
      model_.reader = reader;
      model_.writer = writer;
    }
  }
  void clear() {
    if (below(4) != 0) return;
    buf_.clear();
    model_.reader = model_.writer = 0;
  }
  void drop_read() {
    model_.bytes.erase(0, model_.reader);
    model_.writer -= model_.reader;
    model_.reader = 0;
    sync_capacity();
  }
  /// What is written from now on, to the start of the memory, must be nobody else's.
  void expect_own_memory() {
    if constexpr (requires { buf_.is_unique(); }) {
      EXPECT_TRUE(buf_.is_unique());
    }
  }
  void discard() {
    const bool moves = model_.reader != 0;
    buf_.discard_read_bytes();
    if (moves) {
      expect_own_memory();
    }
    drop_read();
  }
  void compact() {
    const bool half_read =
        model_.reader != 0 && model_.reader >= model_.bytes.size() - model_.reader;
    const bool moved = buf_.compact_if_sparse();
    if (half_read) {
      EXPECT_TRUE(moved);
      expect_own_memory();
      drop_read();
    }
  }
  void capacity() {
    const std::size_t n = small() * 4;
    if (attempt<std::invalid_argument>(n <= model_.max, [&] { buf_.capacity(n); })) {
      EXPECT_EQ(buf_.capacity(), n);
      model_.writer = std::min(model_.writer, n);
      model_.reader = std::min(model_.reader, n);
      sync_capacity();
    }
  }
  void ensure() {
    const std::size_t n = small() * 2;
    if (attempt<std::out_of_range>(fits(n), [&] { buf_.ensure_writable(n); })) grow_for(n);
  }
  void prepend() {
    const std::string text = pattern(small(), static_cast<unsigned>(random_()));
    const std::string readable = model_.readable();
    const bool fits_before =
        text.size() <= model_.reader || text.size() <= model_.max - readable.size();
    if (!attempt<std::out_of_range>(fits_before, [&] { buf_.prepend(text); })) return;
    model_.reader = buf_.reader_index();
    model_.writer = model_.reader + text.size() + readable.size();
    sync_capacity();
    model_.bytes.replace(model_.reader, model_.writer - model_.reader, text + readable);
    learn_unread();
  }
  void headroom() {
    const std::size_t n = small();
    const std::string readable = model_.readable();
    const bool fits_before = n <= model_.reader || n <= model_.max - readable.size();
    if (!attempt<std::out_of_range>(fits_before, [&] { buf_.reserve_headroom(n); })) return;
    EXPECT_GE(buf_.headroom(), n);
    model_.reader = buf_.reader_index();
    model_.writer = model_.reader + readable.size();
    sync_capacity();
    model_.bytes.replace(model_.reader, readable.size(), readable);
    learn_unread();
  }
  /// Bytes before the reader are the buffer's business after a move; the model takes them over.
  void learn_unread() {
    for (std::size_t i = 0; i < model_.reader; ++i) {
      model_.bytes[i] = static_cast<char>(buf_.get_u8(i));
    }
  }
  void share() {
    if (shares_.size() < 3) shares_.push_back(below(2) == 0 ? buf_.duplicate() : buf_.slice());
  }
  void unshare() { shares_.clear(); }
  void make_unique() { buf_.make_unique(); }
  void search() {
    const std::string readable = model_.readable();
    const char wanted = readable.empty() ? 'x' : readable[below(readable.size())];
    EXPECT_EQ(buf_.bytes_before(wanted), readable.find(wanted));
    const std::string sequence = readable.substr(readable.size() / 2, 3);
    EXPECT_EQ(buf_.bytes_before(sequence), readable.find(sequence));
    EXPECT_TRUE(buf_.ends_with(readable.substr(readable.size() / 2)));
    EXPECT_EQ(buf_, ByteBuf::wrap(readable));
  }
  void consolidate() {
    if constexpr (requires { buf_.consolidate(); }) {
      const std::size_t i = below(buf_.component_count() + 1);
      buf_.consolidate(i, below(buf_.component_count() - i + 1));
    }
  }

  void check() {
    ASSERT_EQ(buf_.reader_index(), model_.reader);
    ASSERT_EQ(buf_.writer_index(), model_.writer);
    ASSERT_EQ(buf_.capacity(), model_.bytes.size());
    ASSERT_EQ(buf_.max_capacity(), model_.max);
    ASSERT_EQ(buf_.to_string(0, model_.writer), model_.bytes.substr(0, model_.writer));
    if constexpr (requires { buf_.audit(); }) buf_.audit();
  }

  std::mt19937_64& random_;
  Buffer buf_;
  Model model_;
  std::vector<Buffer> shares_;
};

VARIANT_TEST(ByteBufModel, AgreesAfterEveryOperation) {
  auto random = testing_support::random_numbers();
  for (int run = 0; run < 60; ++run) {
    Run<Buffer> state(variant, random);
    for (int i = 0; i < 150; ++i) {
      state.step();
      if (testing::Test::HasFailure()) {
        FAIL() << "run " << run << ", operation " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tarn
