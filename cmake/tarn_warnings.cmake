# SPDX-License-Identifier: Apache-2.0
# Warnings for tarn's own code; a build-only interface target, so users' builds never see them.
# Between a sanitizer's calls gcc 12 loses track of sizes: it takes the sum of two short strings for
# an overflow. Builds without sanitizers look for these.
set(tarn_false_alarms "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(tarn_false_alarms -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow)
endif()
add_library(tarn_warnings INTERFACE)
target_compile_options(tarn_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wundef
  -Wcast-align -Wnon-virtual-dtor -Wdouble-promotion -Wdeprecated-copy-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # That ThreadSanitizer does not see fences is known: layer platform's are system calls anyway.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>
  ${tarn_false_alarms}
  $<$<BOOL:${TARN_WERROR}>:-Werror>)
