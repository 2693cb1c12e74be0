# Compiler settings shared by every target, as the interface library nineroot_options.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(NINEROOT_CCACHE ccache)
if(NINEROOT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${NINEROOT_CCACHE})
endif()

add_library(nineroot_options INTERFACE)
target_include_directories(nineroot_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(nineroot_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wnull-dereference -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports the last five inside libstdc++ and fmt when it optimises or sanitizes.
  target_compile_options(nineroot_options INTERFACE -Wduplicated-cond -Wlogical-op
    -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    -Wno-array-bounds)
endif()
target_compile_definitions(nineroot_options INTERFACE _GLIBCXX_ASSERTIONS _FILE_OFFSET_BITS=64)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(nineroot_options INTERFACE _FORTIFY_SOURCE=2)
  target_compile_options(nineroot_options INTERFACE -fstack-protector-strong)
  target_link_options(nineroot_options INTERFACE -Wl,-z,relro,-z,now)
endif()

if(NINEROOT_SANITIZE STREQUAL "address")
  target_compile_options(nineroot_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(nineroot_options INTERFACE -fsanitize=address,undefined)
elseif(NINEROOT_SANITIZE STREQUAL "thread")
  target_compile_options(nineroot_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(nineroot_options INTERFACE -fsanitize=thread)
elseif(NINEROOT_SANITIZE)
  message(FATAL_ERROR "NINEROOT_SANITIZE is '${NINEROOT_SANITIZE}': say address, thread or nothing")
endif()

if(NINEROOT_FUZZ)
  target_compile_options(nineroot_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
