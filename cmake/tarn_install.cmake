# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` lays down: library, headers, program, package files for CMake and pkg-config.
include(CMakePackageConfigHelpers)

set(tarn_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tarn)
set(tarn_built ${PROJECT_BINARY_DIR}/package)

install(TARGETS tarn EXPORT tarn-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT tarn-targets NAMESPACE tarn:: DESTINATION ${tarn_package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/tarn-config.cmake.in
  ${tarn_built}/tarn-config.cmake INSTALL_DESTINATION ${tarn_package_dir})
# 0.x: another minor version is another interface.
write_basic_package_version_file(${tarn_built}/tarn-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${tarn_built}/tarn-config.cmake ${tarn_built}/tarn-config-version.cmake
  DESTINATION ${tarn_package_dir})

set(tarn_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH tarn_pc_to_prefix /prefix/${tarn_pc_dir} /prefix)
string(REGEX REPLACE "/$" "" tarn_pc_to_prefix "${tarn_pc_to_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/tarn.pc.in ${tarn_built}/tarn.pc @ONLY)
install(FILES ${tarn_built}/tarn.pc DESTINATION ${tarn_pc_dir})

if(TARGET tarn_program)
  file(RELATIVE_PATH tarn_bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set_target_properties(tarn_program PROPERTIES INSTALL_RPATH "$ORIGIN/${tarn_bin_to_lib}")
  install(TARGETS tarn_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
