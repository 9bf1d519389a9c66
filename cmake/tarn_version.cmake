# SPDX-License-Identifier: Apache-2.0
# tarn_version: read from the public header, the only place that states it.
set(tarn_version_header ${CMAKE_CURRENT_SOURCE_DIR}/include/tarn/version.hpp)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tarn_version_header})
file(STRINGS ${tarn_version_header} tarn_version REGEX "^#define TARN_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
list(TRANSFORM tarn_version REPLACE "^[^0-9]*([0-9]+).*$" "\\1")
list(JOIN tarn_version "." tarn_version)
