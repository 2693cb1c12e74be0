# nineroot_layer(NAME DEPS lower... SOURCES a.cpp... TESTS a_test.cpp... LIBS external...)
#
# One static library per layer, nineroot_NAME, and one test program, NAME_test, whose tests
# ctest lists one by one with the layer's name as label.  Paths are relative to the layer.
# TEST_LIBS is linked into the test program alone.
function(nineroot_layer name)
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES;TESTS;LIBS;TEST_LIBS" ${ARGN})
  if(ARG_SOURCES)
    add_library(nineroot_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(nineroot_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(nineroot_${name} ${scope} nineroot_options ${ARG_LIBS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(nineroot_${name} ${scope} nineroot_${dep})
  endforeach()
  if(NINEROOT_TESTS AND ARG_TESTS)
    nineroot_test(${name}_test LABEL ${name}
      SOURCES ${ARG_TESTS} LIBS nineroot_${name} ${ARG_TEST_LIBS})
  endif()
endfunction()

# What the thread sanitizer has something to say about: the tests of these labels are built by the
# target threaded_tests.
set(NINEROOT_THREADED base fs virtio session transport server conformance hostile)
add_custom_target(threaded_tests)

# nineroot_test(TARGET LABEL name SOURCES... LIBS... [PROPERTIES ctest properties...])
function(nineroot_test target)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LIBS;PROPERTIES" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  if(ARG_LABEL IN_LIST NINEROOT_THREADED)
    add_dependencies(threaded_tests ${target})
  endif()
  gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 300 ${ARG_PROPERTIES})
endfunction()

# nineroot_guest_program(NAME sources...): a program for guests that have nothing else: static, without
# sanitizers.
function(nineroot_guest_program name)
  add_executable(${name} ${ARGN})
  get_target_property(options nineroot_options INTERFACE_COMPILE_OPTIONS)
  list(FILTER options EXCLUDE REGEX "sanitize")
  target_compile_options(${name} PRIVATE ${options} -O1)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_options(${name} PRIVATE -static)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endfunction()
