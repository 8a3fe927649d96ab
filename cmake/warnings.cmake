# Flags of our own targets only: what comes from a package is built as it is.
add_library(gateway_flags INTERFACE)
target_compile_options(gateway_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
target_include_directories(gateway_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(GATEWAY_SANITIZE)
  add_compile_options(-fsanitize=${GATEWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GATEWAY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND GATEWAY_SANITIZE MATCHES "undefined")
    # g++ 12 sees maybe-uninitialised values in its own std::expected once UBSan's branches are added.
    target_compile_options(gateway_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(GATEWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# gateway_library(NAME sources...): one library a folder of src/.
function(gateway_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:gateway_flags>)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()

# gateway_unit_test(NAME LIBRARY sources...): one doctest program a folder of tests/unit/.
function(gateway_unit_test name library)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE gateway_flags ${library} gateway_doctest_main doctest::doctest)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
