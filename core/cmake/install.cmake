# `cmake --install build/release --component library --prefix DIR`: headers, archive, and the files
# that find_package(frdpu) and pkg-config read. All of it can be moved as a whole.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Users may write <frdpu/core/bytes.h>; the headers among themselves write "core/bytes.h".
target_include_directories(frdpu_core INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/frdpu>)
install(TARGETS frdpu_core EXPORT frdpu
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/frdpu COMPONENT library)

string(JOIN " " FRDPU_PC_REQUIRES ${FRDPU_CODEC_MODULES})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/frdpu)
install(EXPORT frdpu NAMESPACE frdpu:: FILE frdpuTargets.cmake
  DESTINATION ${package_dir} COMPONENT library)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/frdpuConfig.cmake.in frdpuConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may break.
write_basic_package_version_file(frdpuConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/frdpuConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/frdpuConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT library)

# Paths relative to the file itself, so that --prefix and staging directories work.
file(RELATIVE_PATH FRDPU_PREFIX_FROM_PC
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/frdpu.pc.in frdpu.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/frdpu.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
