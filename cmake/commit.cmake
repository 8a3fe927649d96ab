# The commit that is built, and its time: from git, or given by whoever builds from an archive. The same commit gives the same bytes: what
# needs a date takes the commit's.
set(GATEWAY_COMMIT "" CACHE STRING "Commit for --version; git's if empty")
set(gateway_commit "${GATEWAY_COMMIT}")
set(gateway_commit_time "$ENV{SOURCE_DATE_EPOCH}")
find_program(GIT_PROGRAM git)
if(GIT_PROGRAM AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  if(NOT gateway_commit)
    execute_process(COMMAND ${GIT_PROGRAM} describe --always --abbrev=12 --exclude=* --dirty WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      OUTPUT_VARIABLE gateway_commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(NOT gateway_commit_time)
    execute_process(COMMAND ${GIT_PROGRAM} log -1 --format=%ct WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      OUTPUT_VARIABLE gateway_commit_time OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
if(NOT gateway_commit)
  set(gateway_commit unknown)
endif()
if(NOT gateway_commit_time)
  set(gateway_commit_time 0)
endif()
