# SPDX-License-Identifier: Apache-2.0
# Reads the version from the public header, the only place that states it.
set(tarn_version_header ${CMAKE_CURRENT_SOURCE_DIR}/include/tarn/version.hpp)
set(tarn_version 0.1.0)
if(EXISTS ${tarn_version_header})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tarn_version_header})
  file(STRINGS ${tarn_version_header} lines REGEX "^#define TARN_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  list(TRANSFORM lines REPLACE "^[^0-9]*([0-9]+).*$" "\\1")
  list(JOIN lines "." tarn_version)
endif()
