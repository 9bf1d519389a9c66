# SPDX-License-Identifier: Apache-2.0
# tarn_layers: the layers' names, lowest first, from layers.txt and nowhere else.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/layers.txt)
file(STRINGS ${PROJECT_SOURCE_DIR}/layers.txt tarn_layers REGEX "^[a-z_]+:")
list(TRANSFORM tarn_layers REPLACE ":.*$" "")
