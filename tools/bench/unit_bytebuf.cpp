// SPDX-License-Identifier: Apache-2.0
// Case of what is done with a ByteBuf once there is one. Program tarn.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <tarn/allocator.hpp>
#include <tarn/byte_buf.hpp>
#include <tarn/composite_byte_buf.hpp>
#include <utility>
#include <vector>

#include "bench/bench_run.hpp"
#include "bench/keep.hpp"
#include "bench/pair_bodies.hpp"
#include "bench/ring.hpp"
#include "bench/subjects.hpp"
#include "bench/team.hpp"

namespace tarn::tools {

namespace {

constexpr std::uint32_t kFields = 16;  // numbers that are written and read

/// What the fields' sum must be: each is one more than the one before.
constexpr std::uint64_t sum_of_fields(std::uint32_t first) {
  return std::uint64_t{kFields} * first + kFields * (kFields - 1) / 2;
}

// Lambdas that are to be part of the loop around them, as if they had been written there.
#define TARN_BENCH_INLINE __attribute__((always_inline))

/// Calls f(0) .. f(kFields - 1), each written out, as a message's fields are.
template <class F>
[[gnu::always_inline]] inline void for_each_field(F f) {
  [&]<std::size_t... kField>(std::index_sequence<kField...>) TARN_BENCH_INLINE {
    (f(static_cast<std::uint32_t>(kField)), ...);
  }
  (std::make_index_sequence<kFields>());
}

/// n times: write(first) writes fields from `first` on into memory, read() returns their sum.
template <class Write, class Read>
std::uint64_t write_and_read(std::uint64_t n, Write write, Read read) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint32_t first = opaque_value(std::uint32_t{1});
    write(first);
    done += read() == sum_of_fields(first) ? 1U : 0U;
  }
  return done;
}

std::uint64_t fields_of_buffer(ByteBuf& buffer, std::uint64_t n) {
  return write_and_read(
      n,
      [&](std::uint32_t first) TARN_BENCH_INLINE {
        buffer.clear();
        for_each_field([&](std::uint32_t field)
                           TARN_BENCH_INLINE { buffer.write_u32(derived_value(first + field)); });
        keep(buffer);
      },
      [&]() TARN_BENCH_INLINE {
        std::uint64_t sum = 0;
        for_each_field([&](std::uint32_t)
                           TARN_BENCH_INLINE { sum += derived_value(buffer.read_u32()); });
        return sum;
      });
}

void put_big_endian(std::byte* at, std::uint32_t value) noexcept {
  const std::uint32_t big_endian = __builtin_bswap32(value);
  std::memcpy(at, &big_endian, sizeof(big_endian));
}

std::uint32_t big_endian_at(const std::byte* at) noexcept {
  std::uint32_t big_endian = 0;
  std::memcpy(&big_endian, at, sizeof(big_endian));
  return __builtin_bswap32(big_endian);
}

std::uint64_t fields_of_pointer(std::byte* memory, std::uint64_t n) {
  return write_and_read(
      n,
      [&](std::uint32_t first) TARN_BENCH_INLINE {
        std::byte* at = memory;
        for_each_field([&](std::uint32_t field) TARN_BENCH_INLINE {
          put_big_endian(at, derived_value(first + field));
          at += sizeof(field);
        });
        memory = opaque(memory);
      },
      [&]() TARN_BENCH_INLINE {
        std::uint64_t sum = 0;
        const std::byte* at = memory;
        for_each_field([&](std::uint32_t field) TARN_BENCH_INLINE {
          sum += derived_value(big_endian_at(at));
          at += sizeof(field);
        });
        return sum;
      });
}

using Fields = std::array<std::uint32_t, kFields>;

/// The same with numbers that are together in memory: write(fields), read(fields).
template <class Write, class Read>
std::uint64_t write_and_read_array(std::uint64_t n, Write write, Read read) {
  return write_and_read(
      n,
      [&](std::uint32_t first) TARN_BENCH_INLINE {
        Fields fields;
        for_each_field([&](std::uint32_t field)
                           TARN_BENCH_INLINE { fields[field] = first + field; });
        keep(fields);
        write(fields);
      },
      [&]() TARN_BENCH_INLINE {
        Fields fields;
        read(fields);
        keep(fields);
        return std::accumulate(fields.begin(), fields.end(), std::uint64_t{0});
      });
}

std::uint64_t array_of_buffer(ByteBuf& buffer, std::uint64_t n) {
  return write_and_read_array(
      n,
      [&](const Fields& fields) {
        buffer.clear().write_u32(fields);
        keep(buffer);
      },
      [&](Fields& fields) { buffer.read_u32(fields); });
}

std::uint64_t array_of_pointer(std::byte* memory, std::uint64_t n) {
  return write_and_read_array(
      n,
      [&](const Fields& fields) {
        for (std::size_t i = 0; i < kFields; ++i) put_big_endian(memory + 4 * i, fields[i]);
        memory = opaque(memory);
      },
      [&](Fields& fields) {
        for (std::size_t i = 0; i < kFields; ++i) fields[i] = big_endian_at(memory + 4 * i);
      });
}

#undef TARN_BENCH_INLINE

std::uint64_t slices(const ByteBuf& buffer, std::uint64_t n) {
  constexpr std::size_t kIndex = 64;
  constexpr std::size_t kLength = 128;
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    ByteBuf part = buffer.slice(kIndex, kLength);
    keep(part);
    done += part.capacity() == kLength ? 1U : 0U;
  }
  return done;
}

std::uint64_t counts(std::atomic<std::uint32_t>& count, std::uint64_t n) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    // The orders of a reference count.
    done += opaque_value(count.fetch_add(1, std::memory_order_relaxed));
    count.fetch_sub(1, std::memory_order_acq_rel);
  }
  return done;
}

}  // namespace

void run_bytebuf_u32(BenchRun& run) {
  constexpr std::size_t kRoom = 256;  // more than the fields need: nothing grows
  if (run.is_tarn()) {
    ByteBuf buffer = PooledAllocator::shared().buffer(kRoom);
    run.record("buffer", [&](std::uint64_t n) { return fields_of_buffer(buffer, n); });
    run.record("buffer/array", [&](std::uint64_t n) { return array_of_buffer(buffer, n); });
  } else if (run.is_floor()) {
    std::vector<std::byte> memory(kRoom);
    run.record("pointer",
               [&](std::uint64_t n) { return fields_of_pointer(opaque(memory.data()), n); });
    run.record("pointer/array",
               [&](std::uint64_t n) { return array_of_pointer(opaque(memory.data()), n); });
  }
}

void run_bytebuf_slice(BenchRun& run) {
  constexpr std::size_t kRoom = 1024;
  if (run.is_tarn()) {
    const ByteBuf buffer = PooledAllocator::shared().buffer(kRoom);
    run.record("slice", [&](std::uint64_t n) { return slices(buffer, n); });
  } else if (run.is_floor()) {
    std::atomic<std::uint32_t> count{1};
    run.record("count", [&](std::uint64_t n) { return counts(count, n); });
  }
}

namespace {

/// One thread makes shares of the same memory and sends them, the other drops them.
template <class Share>
struct ShareWork {
  const Share& original;
  Ring<Share>& ring;
  bool sends;

  std::uint64_t lap(std::uint64_t n) {
    std::uint64_t done = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      Share share = sends ? original : ring.pop();
      keep(share);
      done += share ? 1U : 0U;
      if (sends) ring.push(std::move(share));
    }
    if (sends) ring.flush();
    return done;
  }
};

/// A shared_ptr with what a ByteBuf has besides: a part of the memory, and where one is in it.
struct SharedWindow {
  SharedBytesSubject::Item bytes;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t reader = 0;
  std::uint64_t writer = 0;

  explicit operator bool() const noexcept { return static_cast<bool>(bytes); }
};
static_assert(sizeof(SharedWindow) == sizeof(ByteBuf));

template <class Share>
void record_shares(BenchRun& run, const char* name, const Share& original) {
  using Work = ShareWork<Share>;
  const auto ring = std::make_unique<Ring<Share>>();
  Team<Work> team(2, [&](std::uint32_t thread) { return Work{original, *ring, thread == 0}; });
  run.record_laps(name, run.spec_times(2), [&](std::uint64_t n) { return team.lap(n); });
}

}  // namespace

void run_bytebuf_share(BenchRun& run) {
  constexpr std::size_t kRoom = 1024;
  if (run.is_tarn()) {
    record_shares(run, "buffer", PooledAllocator::shared().buffer(kRoom));
  } else if (run.is_plain_malloc()) {
    record_shares(run, "shared-ptr", SharedBytesSubject::take(kRoom));
    record_shares(run, "shared-ptr/window", SharedWindow{SharedBytesSubject::take(kRoom)});
  } else if (run.is_floor()) {
    std::byte byte{};
    record_shares<void*>(run, "ring", &byte);
  }
}

void run_bytebuf_index_of(BenchRun& run) {
  std::vector<std::byte> bytes(run.size());
  const std::size_t last = bytes.size() - 1;
  const std::byte wanted{1};
  bytes[last] = wanted;
  if (run.is_tarn()) {
    ByteBuf buffer = PooledAllocator::shared().buffer(bytes.size());
    buffer.write_bytes(bytes);
    run.record("index_of", [&](std::uint64_t n) {
      std::uint64_t done = 0;
      for (std::uint64_t i = 0; i < n; ++i) {
        keep(buffer);
        done += buffer.index_of(0, buffer.capacity(), wanted) == last ? 1U : 0U;
      }
      return done;
    });
  } else if (run.is_floor()) {
    run.record("memchr", [&](std::uint64_t n) {
      std::uint64_t done = 0;
      for (std::uint64_t i = 0; i < n; ++i) {
        const std::byte* const start = opaque(bytes.data());
        done += std::memchr(start, 1, bytes.size()) == start + last ? 1U : 0U;
      }
      return done;
    });
  }
}

void run_bytebuf_create(BenchRun& run) {
  const auto record = [&](const char* name, auto subject) {
    run.record(name, [&](std::uint64_t n) { return take_and_give<false>(subject, run.size(), n); });
  };
  if (run.is_tarn()) {
    record("buffer", BufferSubject(PooledAllocator::shared()));
  } else if (run.is_floor()) {
    record("list", ListSubject<true>());
  } else {
    record("shared", SharedBytesSubject());
  }
}

namespace {

constexpr std::size_t kCompositeBytes = 65536;

/// What is at an index, so that a wrong one is noticed.
constexpr std::uint8_t byte_at(std::size_t index) { return static_cast<std::uint8_t>(index * 7); }

/// Indices in a random order that is the same in every run.
std::vector<std::uint32_t> random_indices() {
  constexpr std::size_t kCount = 4096;  // 16 KiB of them
  std::minstd_rand random(11);
  std::uniform_int_distribution<std::uint32_t> any(0, kCompositeBytes - 1);
  std::vector<std::uint32_t> indices(kCount);
  for (std::uint32_t& index : indices) index = any(random);
  return indices;
}

ByteBuf filled(std::size_t start, std::size_t length) {
  ByteBuf part = PooledAllocator::shared().buffer(length);
  for (std::size_t i = 0; i < length; ++i) part.write_u8(byte_at(start + i));
  return part;
}

template <class ByteAt>
std::uint64_t look_up(const std::vector<std::uint32_t>& indices, std::uint64_t n, ByteAt get) {
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint32_t index = opaque(indices[i % indices.size()]);
    done += get(index) == byte_at(index) ? 1U : 0U;
  }
  return done;
}

}  // namespace

void run_bytebuf_composite(BenchRun& run) {
  const std::vector<std::uint32_t> indices = random_indices();
  if (run.is_tarn()) {
    ByteBuf whole = filled(0, kCompositeBytes);
    CompositeByteBuf composite = PooledAllocator::shared().composite_buffer(run.size());
    const std::size_t length = kCompositeBytes / run.size();
    for (std::size_t start = 0; start < kCompositeBytes; start += length) {
      composite.add_component(filled(start, length));
    }
    run.record("composite", [&](std::uint64_t n) {
      return look_up(indices, n, [&](std::size_t index) { return composite.get_u8(index); });
    });
    run.record("buffer", [&](std::uint64_t n) {
      return look_up(indices, n, [&](std::size_t index) { return whole.get_u8(index); });
    });
  } else if (run.is_floor()) {
    std::vector<std::uint8_t> memory(kCompositeBytes);
    for (std::size_t i = 0; i < kCompositeBytes; ++i) memory[i] = byte_at(i);
    const std::uint8_t* const bytes = opaque(memory.data());
    run.record("pointer", [&](std::uint64_t n) {
      return look_up(indices, n, [&](std::size_t index) { return bytes[index]; });
    });
  }
}

}  // namespace tarn::tools
