# thaw_module(NAME SOURCES a.cc b.cc [DEPS thaw_base ...] [PRIVATE_DEPS PkgConfig::X ...])
# One static library a room, so that an include of a room that is not named in DEPS does not link.
add_library(thaw_flags INTERFACE)
# -Wno-restrict: GCC 12 reports overlaps in std::string that are not there (GCC bug 105651).
target_compile_options(thaw_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -Wnon-virtual-dtor
                                            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                                            -fno-omit-frame-pointer)
target_include_directories(thaw_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(thaw_flags INTERFACE FUSE_USE_VERSION=314 _FILE_OFFSET_BITS=64)
target_link_libraries(thaw_flags INTERFACE Threads::Threads)

function(thaw_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC thaw_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if("thaw_json" IN_LIST ARG_DEPS OR "thaw_json" IN_LIST ARG_PRIVATE_DEPS)
    target_precompile_headers(${name} REUSE_FROM thaw_json)
  endif()
endfunction()

# All that ctest runs: what a sanitized build needs, without the programs.
add_custom_target(thaw_tests)

# What a test says itself need not be fast: a third less time to build.
set(thaw_test_options $<$<CONFIG:RelWithDebInfo>:-O0>)

# thaw_test(NAME SOURCES x_test.cc ... DEPS thaw_x ...): one Catch2 program, registered with ctest. Tests of [heavy] do
# a simple thing many times; with a sanitizer they would take minutes and run no other code. ([.]: a filter that only
# leaves out takes in what is hidden.)
function(thaw_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE thaw_flags thaw_json ${ARG_DEPS} Catch2::Catch2WithMain)
  target_compile_options(${name} PRIVATE ${thaw_test_options})
  target_precompile_headers(${name} REUSE_FROM thaw_test_pch)
  add_test(NAME ${name} COMMAND ${name} $<$<CONFIG:Debug>:~[heavy]~[.]> COMMAND_EXPAND_LISTS)
  add_dependencies(thaw_tests ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 1200)
endfunction()
