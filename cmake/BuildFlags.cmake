# How everything is compiled: the language, the warnings, the hardening, the sanitizers.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

add_library(unbrine_build_flags INTERFACE)
target_include_directories(unbrine_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(unbrine_build_flags INTERFACE
                       -Wall -Wextra $<$<BOOL:${UNBRINE_WERROR}>:-Werror>)
# GCC 12 mistakes every optimised `"text" + std::string` for an overlapping copy.
target_compile_options(unbrine_build_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

if(UNBRINE_SANITIZE)
  # Before any target, so that no object is built without.
  add_compile_options(-fsanitize=${UNBRINE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${UNBRINE_SANITIZE})
  # GCC sees uninitialised reads in what a sanitizer has rewritten, even in <regex>.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
else()
  # The input is untrusted, so a release keeps the checks that cost nothing. (A sanitizer brings its
  # own, and does not go together with _FORTIFY_SOURCE.)
  target_compile_options(unbrine_build_flags INTERFACE
                         $<$<CONFIG:Release,RelWithDebInfo>:-fstack-protector-strong
                         -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()
target_compile_definitions(unbrine_build_flags INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

# Start-up counts (a 10 MB file takes `cp` 7 ms): load no library that nothing calls.
add_link_options(LINKER:--as-needed)
