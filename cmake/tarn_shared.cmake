# SPDX-License-Identifier: Apache-2.0
# What the shared library shows: namespace tarn and nothing else (docs/adr/0001-exported-symbols.md).
get_target_property(tarn_type tarn TYPE)
if(tarn_type STREQUAL "SHARED_LIBRARY")
  set(tarn_map ${PROJECT_SOURCE_DIR}/cmake/tarn.map)
  # Nobody replaces tarn's functions from outside, so calls within a file need no detour.
  target_compile_options(tarn PRIVATE -fno-semantic-interposition)
  target_link_options(tarn PRIVATE -Wl,--version-script=${tarn_map} -Wl,--no-undefined)
  set_target_properties(tarn PROPERTIES LINK_DEPENDS ${tarn_map})
endif()
