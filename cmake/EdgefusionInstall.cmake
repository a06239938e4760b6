# What others get: the program, the default model, and one library made of every module's objects,
# found again by find_package(edgefusion) as edgefusion::edgefusion. Its third-party needs are
# linked privately: the public headers use the standard library only.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(ef_modules GLOBAL PROPERTY EF_MODULES)
list(TRANSFORM ef_modules REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE ef_objects)
add_library(edgefusion STATIC ${ef_objects})
add_library(edgefusion::edgefusion ALIAS edgefusion)
set_target_properties(edgefusion PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(edgefusion INTERFACE cxx_std_20)
target_include_directories(edgefusion INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(edgefusion PRIVATE Threads::Threads PNG::PNG PkgConfig::hwy
                                         PkgConfig::utf8proc)
# spdlog comes header-only, but leans on the compiled fmt.
target_link_libraries(edgefusion PRIVATE fmt::fmt)
if(EDGEFUSION_SANITIZE)
  target_link_options(edgefusion INTERFACE -fsanitize=${EDGEFUSION_SANITIZE})
endif()

set(ef_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/edgefusion)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/edgefusionConfig.cmake.in
  ${PROJECT_BINARY_DIR}/edgefusionConfig.cmake INSTALL_DESTINATION ${ef_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/edgefusionConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)

install(TARGETS edgefusion_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS edgefusion EXPORT edgefusionTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT edgefusionTargets NAMESPACE edgefusion:: DESTINATION ${ef_package_dir})
install(FILES ${PROJECT_BINARY_DIR}/edgefusionConfig.cmake
              ${PROJECT_BINARY_DIR}/edgefusionConfigVersion.cmake DESTINATION ${ef_package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/edgefusion
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
# The program looks for its model here, beside its own folder (apps/cli/default_model.cc).
install(FILES ${PROJECT_SOURCE_DIR}/models/${EDGEFUSION_DEFAULT_MODEL}
              ${PROJECT_SOURCE_DIR}/models/README.md
        DESTINATION share/edgefusion/models)
install(FILES ${PROJECT_SOURCE_DIR}/models/emoji-256/LICENSE
              ${PROJECT_SOURCE_DIR}/models/emoji-256/ATTRIBUTION.md
        DESTINATION share/edgefusion/models/emoji-256)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/emoji-256/LICENSES
        DESTINATION share/edgefusion/models/emoji-256)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE
        DESTINATION share/doc/edgefusion)
