// SPDX-License-Identifier: Apache-2.0
// Composites to which memory is refused, at every moment at which an operation asks for some:
// nothing has changed then, and nothing is lost.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "support/failing_new.hpp"
#include "tarn/tarn.hpp"

namespace tarn {
namespace {

using testing_support::FailingNew;

/// Memory from operator new, so that FailingNew refuses it too; counts what is out.
class CountingAllocator : public Allocator {
 public:
  [[nodiscard]] int out() const { return out_; }

 protected:
  void* do_allocate(std::size_t size, std::size_t alignment, MemoryKind) override {
    void* const memory = ::operator new (size, std::align_val_t{alignment});
    ++out_;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t, std::size_t alignment,
                     MemoryKind) noexcept override {
    ::operator delete (memory, std::align_val_t{alignment});
    --out_;
  }

 private:
  int out_ = 0;
};

/// What a failed operation must leave as it was.
struct Seen {
  std::string bytes;
  std::size_t reader, writer, capacity;
  std::vector<const std::byte*> components;
  bool operator==(const Seen&) const = default;

  explicit Seen(const CompositeByteBuf& buf)
      : bytes(buf.to_string()),
        reader(buf.reader_index()),
        writer(buf.writer_index()),
        capacity(buf.capacity()) {
    for (std::size_t i = 0; i < buf.component_count(); ++i) {
      const ByteBuf component = buf.component(i);
      components.push_back(component.data());
    }
  }
};

ByteBuf part_of(Allocator& allocator, const std::string& text) {
  ByteBuf part = allocator.buffer(text.size());
  part.write_bytes(text);
  return part;
}

struct Operation {
  const char* name;
  std::function<void(CompositeByteBuf&, Allocator&)> run;
};

/// Each on a composite of "one" "two" "three" with the first two bytes read.
const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"Append", [](auto& buf, auto& from) { buf.add_component(part_of(from, "four")); }},
      {"Insert", [](auto& buf, auto& from) { buf.add_component(1, part_of(from, "four")); }},
      {"AppendSeveral",
       [](auto& buf, auto& from) {
         buf.add_components(part_of(from, "four"), part_of(from, "five"));
       }},
      {"AppendItself", [](auto& buf, auto&) { buf.add_component(buf); }},
      {"Write", [](auto& buf, auto&) { buf.write_bytes(std::string(100, 'x')); }},
      {"WriteItself", [](auto& buf, auto&) { buf.write_bytes(buf); }},
      {"WriteNumber", [](auto& buf, auto&) { buf.write_u32(1); }},
      {"EnsureWritable", [](auto& buf, auto&) { buf.ensure_writable(50); }},
      {"Grow", [](auto& buf, auto&) { buf.capacity(60); }},
      {"SetOverlapping", [](auto& buf, auto&) { buf.set_bytes(3, buf.slice(2, 6)); }},
      {"Consolidate", [](auto& buf, auto&) { buf.consolidate(); }},
      {"ConsolidatePart", [](auto& buf, auto&) { buf.consolidate(1, 2); }},
      {"MakeUnique",
       [](auto& buf, auto&) {
         const CompositeByteBuf sharer = buf;
         buf.make_unique();
       }},
      {"ReserveHeadroom", [](auto& buf, auto&) { buf.reserve_headroom(20); }},
      {"Prepend", [](auto& buf, auto&) { buf.prepend(std::string_view("a header")); }},
      {"Slice", [](auto& buf, auto&) { static_cast<void>(buf.slice(1, 7)); }},
      {"ReadSlice", [](auto& buf, auto&) { static_cast<void>(buf.read_slice(5)); }},
      {"Copy", [](auto& buf, auto&) { static_cast<void>(buf.copy(1, 7)); }},
      {"ReadBytes", [](auto& buf, auto&) { static_cast<void>(buf.read_bytes(5)); }},
      {"Decompose", [](auto& buf, auto&) { static_cast<void>(buf.decompose(1, 7)); }},
      {"Duplicate", [](auto& buf, auto&) { static_cast<void>(buf.duplicate()); }},
      {"ReadOnly", [](auto& buf, auto&) { static_cast<void>(buf.as_read_only()); }},
  };
  return all;
}

struct Case {
  Operation operation;
  std::size_t max_components;
};

class CompositeMemory : public testing::TestWithParam<Case> {};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::size_t max_components : {16U, 3U}) {  // roomy; full, so that more consolidates
    for (const Operation& operation : operations()) cases.push_back({operation, max_components});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(, CompositeMemory, testing::ValuesIn(all_cases()),
                         [](const auto& instance) {
                           return instance.param.operation.name +
                                  std::string(instance.param.max_components == 16 ? "" : "Full");
                         });

TEST_P(CompositeMemory, RefusedOnesChangeNothing) {
  constexpr int kMost = 60;
  int refused = 0;
  bool done = false;
  for (int nth = 1; nth < kMost && !done; ++nth) {
    // A thread of its own, in which no block waits to be used again.
    std::thread([&] {
      CountingAllocator allocator;
      {
        CompositeByteBuf buf = allocator.composite_buffer(GetParam().max_components);
        for (const char* const text : {"one", "two", "three"}) {
          buf.add_component(part_of(allocator, text));
        }
        buf.skip(2);
        const Seen before(buf);
        try {
          const FailingNew failing(nth);
          GetParam().operation.run(buf, allocator);
          done = true;
        } catch (const std::bad_alloc&) {
          ++refused;
          EXPECT_TRUE(Seen(buf) == before) << "allocation " << nth << " was refused";
        }
        buf.audit();
        // It is as good as new.
        buf.add_component(part_of(allocator, "more"));
        EXPECT_TRUE(buf.ends_with(std::string_view("more")));
      }
      EXPECT_EQ(allocator.out(), 0);
    }).join();
  }
  EXPECT_TRUE(done) << "still refused";
  const bool needs_none = GetParam().operation.name == std::string("SetOverlapping");
  EXPECT_TRUE(needs_none || refused > 0) << "nothing was asked for";
}

// Slices that pin large regions, the first of them read in half: all of them move, or none.
TEST(CompositeMemorySparse, MovesAllOrNone) {
  bool done = false;
  int refused = 0;
  for (int nth = 1; nth < 30 && !done; ++nth) {
    std::thread([&] {
      CountingAllocator allocator;
      {
        CompositeByteBuf buf = allocator.composite_buffer();
        for (int i = 0; i < 3; ++i) {
          buf.add_component(
              part_of(allocator, std::string(4096, static_cast<char>('a' + i))).slice(9, 30));
        }
        buf.skip(50);
        const Seen before(buf);
        try {
          const FailingNew failing(nth);
          EXPECT_TRUE(buf.compact_if_sparse());
          done = true;
        } catch (const std::bad_alloc&) {
          ++refused;
          EXPECT_TRUE(Seen(buf) == before) << "allocation " << nth << " was refused";
        }
        buf.audit();
        EXPECT_EQ(buf.to_string(), std::string(10, 'b').append(30, 'c'));
        EXPECT_EQ(buf.capacity(), done ? 40U : 90U);
        EXPECT_EQ(buf.compact_if_sparse(), !done) << "moved for good";
      }
      EXPECT_EQ(allocator.out(), 0);
    }).join();
  }
  EXPECT_TRUE(done);
  EXPECT_GE(refused, 2) << "one a component that is left";
}

// It becomes a composite again with its first component, not before.
TEST(CompositeMemoryReleased, StaysReleasedWhenRefused) {
  std::thread([] {
    CountingAllocator allocator;
    ByteBuf part = part_of(allocator, "one");
    CompositeByteBuf buf;
    buf.release();
    try {
      const FailingNew failing(1);
      buf.add_component(std::move(part));
      ADD_FAILURE() << "nothing was refused";
    } catch (const std::bad_alloc&) {
      EXPECT_FALSE(buf);
      EXPECT_EQ(buf.max_capacity(), 0U);
    }
    buf.add_component(part_of(allocator, "more"));
    EXPECT_TRUE(buf);
    EXPECT_EQ(buf.to_string(), "more");
    EXPECT_EQ(buf.max_components(), CompositeByteBuf::kDefaultMaxComponents);
    buf.audit();
  }).join();
}

}  // namespace
}  // namespace tarn
