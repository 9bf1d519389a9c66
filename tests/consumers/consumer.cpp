// SPDX-License-Identifier: Apache-2.0
// A user's program, built against tarn by each of the ways that a user has. It goes through what
// differs between them: inline paths, thread-locals and exception types across the library's edge.
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <tarn/tarn.hpp>
#include <thread>
#include <utility>

namespace {

bool check(bool holds, const char* what) {
  if (!holds) std::fprintf(stderr, "consumer: %s\n", what);
  return holds;
}

bool shares_a_buffer_with_a_thread(tarn::PooledAllocator& allocator) {
  tarn::ByteBuf buffer = allocator.buffer(5);
  std::memcpy(buffer.writable().data(), "tarn!", 5);
  buffer.advance(5);
  bool same = false;
  std::thread reader(
      [&same, shared = buffer] { same = std::memcmp(shared.readable().data(), "tarn!", 5) == 0; });
  reader.join();
  return check(same, "another thread reads what this one wrote");
}

bool catches_what_the_library_throws(tarn::PooledAllocator& allocator) {
  try {
    static_cast<void>(allocator.buffer(2, 1));
  } catch (const std::invalid_argument&) {
    return true;
  }
  return check(false, "capacity above max_capacity throws std::invalid_argument");
}

bool counts_what_this_program_allocates(tarn::PooledAllocator& allocator) {
  const auto before = allocator.stats().tiny.allocations;
  void* const memory = allocator.allocate(64);
  allocator.deallocate(memory, 64);
  return check(allocator.stats().tiny.allocations == before + 1, "stats() counts an allocation");
}

bool keeps_a_value_for_each_thread() {
  tarn::FastThreadLocal<int> value([] { return 7; }, [](int&) {});
  value.get() = 8;
  int seen = 0;
  std::thread([&] { seen = value.get(); }).join();
  return check(seen == 7 && value.get() == 8, "a FastThreadLocal has a value for each thread");
}

}  // namespace

int main() {
  tarn::PooledAllocator allocator;
  bool good = check(std::string_view(tarn::version()) == TARN_VERSION_STRING,
                    "header and library have the same version");
  good &= shares_a_buffer_with_a_thread(allocator);
  good &= catches_what_the_library_throws(allocator);
  good &= counts_what_this_program_allocates(allocator);
  good &= keeps_a_value_for_each_thread();
  return good ? 0 : 1;
}
