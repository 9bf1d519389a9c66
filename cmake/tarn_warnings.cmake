# SPDX-License-Identifier: Apache-2.0
# Warnings for tarn's own code; a build-only interface target, so users' builds never see them.
add_library(tarn_warnings INTERFACE)
target_compile_options(tarn_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wundef
  -Wcast-align -Wnon-virtual-dtor -Wdouble-promotion -Wdeprecated-copy-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # That ThreadSanitizer does not see fences is known: layer platform's are system calls anyway.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>
  $<$<BOOL:${TARN_WERROR}>:-Werror>)
