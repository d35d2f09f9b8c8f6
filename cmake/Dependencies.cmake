# The libraries that unbrine stands on, as Debian and Ubuntu package them. They are looked for by
# header and file: Debian 12's CMake package of libzip refuses to load without the zipcmp tools, and
# pkg-config would be one more thing to install.

find_package(Threads REQUIRED)

# unbrine::<name> from <header> and the first of <libraries> that exists. Static archives come first
# where there are any: each shared library costs about 0.3 ms of every start.
function(unbrine_find_library name header package)
  find_path(UNBRINE_${name}_INCLUDE_DIR ${header})
  find_library(UNBRINE_${name}_LIBRARY NAMES ${ARGN})
  mark_as_advanced(UNBRINE_${name}_INCLUDE_DIR UNBRINE_${name}_LIBRARY)
  if(NOT UNBRINE_${name}_INCLUDE_DIR OR NOT UNBRINE_${name}_LIBRARY)
    message(FATAL_ERROR "${name} was not found. On Debian or Ubuntu: apt-get install ${package}")
  endif()
  add_library(unbrine::${name} UNKNOWN IMPORTED)
  set_target_properties(unbrine::${name} PROPERTIES
                        IMPORTED_LOCATION "${UNBRINE_${name}_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${UNBRINE_${name}_INCLUDE_DIR}")
endfunction()

unbrine_find_library(libzip zip.h libzip-dev zip)
unbrine_find_library(libdeflate libdeflate.h libdeflate-dev libdeflate.a deflate)
unbrine_find_library(zlib zlib.h zlib1g-dev libz.a z)
unbrine_find_library(bzip2 bzlib.h libbz2-dev libbz2.a bz2)
unbrine_find_library(lzma lzma.h liblzma-dev liblzma.a lzma)
unbrine_find_library(xxhash xxhash.h libxxhash-dev libxxhash.a xxhash)
unbrine_find_library(pcre2 pcre2.h libpcre2-dev libpcre2-8.a pcre2-8)
# Shared: libzip has loaded it anyway, and two copies in one process would be one too many.
unbrine_find_library(libcrypto openssl/evp.h libssl-dev crypto)
unbrine_find_library(boost_program_options boost/program_options.hpp libboost-program-options-dev
                     libboost_program_options.a boost_program_options)

# A package with a CMake file of its own that works wherever it is shipped.
macro(unbrine_find_package name package)
  find_package(${name} CONFIG QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} was not found. On Debian or Ubuntu: apt-get install ${package}")
  endif()
endmacro()

unbrine_find_package(simdjson libsimdjson-dev)
if(UNBRINE_TESTS)
  unbrine_find_package(GTest "libgtest-dev libgmock-dev")
endif()
if(UNBRINE_BENCHMARKS)
  unbrine_find_package(benchmark libbenchmark-dev)
endif()
