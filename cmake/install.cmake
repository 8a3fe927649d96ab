# What `cmake --install` and the package lay down. The unit files name /usr, so that is the default here.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set(CMAKE_INSTALL_PREFIX /usr CACHE PATH "Where to install" FORCE)
endif()
set(doc_dir share/doc/gatewayd)
include(GNUInstallDirs)
install(TARGETS gatewayd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS gatewayctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(FILES deploy/debian/gatewayd.yaml DESTINATION /etc/gatewayd)
install(FILES deploy/systemd/gatewayd.service deploy/systemd/gatewayd.socket DESTINATION lib/systemd/system)
install(FILES deploy/debian/gatewayd.logrotate DESTINATION /etc/logrotate.d RENAME gatewayd)

install(FILES README.md DESTINATION ${doc_dir})
install(DIRECTORY docs/ DESTINATION ${doc_dir}/docs FILES_MATCHING PATTERN *.md PATTERN man EXCLUDE)
install(DIRECTORY conf/ DESTINATION ${doc_dir}/examples FILES_MATCHING PATTERN *.yaml)
# install_if_there(FILE FOLDER)
function(install_if_there file folder)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${file})
    install(FILES ${file} DESTINATION ${folder})
  endif()
endfunction()
install_if_there(SECURITY.md ${doc_dir})
install_if_there(conf/gateway.schema.json ${CMAKE_INSTALL_DATADIR}/gatewayd)
install_if_there(deploy/prometheus/alerts.yaml ${CMAKE_INSTALL_DATADIR}/gatewayd/prometheus)
install_if_there(deploy/grafana/dashboard.json ${CMAKE_INSTALL_DATADIR}/gatewayd/grafana)

foreach(program gatewayctl gatewayd)
  install(FILES deploy/completions/${program}.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program})
  install(FILES deploy/completions/_${program} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES deploy/completions/${program}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()

# Man pages are made where scdoc is; gatewayd.yaml(5) from docs/configuration.md. `./dev package` installs scdoc.
find_program(SCDOC_PROGRAM scdoc)
find_program(GZIP_PROGRAM gzip)
find_program(PYTHON_PROGRAM python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(SCDOC_PROGRAM AND GZIP_PROGRAM AND PYTHON_PROGRAM)
  set(man_dir ${CMAKE_BINARY_DIR}/man)
  file(MAKE_DIRECTORY ${man_dir})
  set(config_man ${PYTHON_PROGRAM} ${CMAKE_SOURCE_DIR}/scripts/config_man.py ${CMAKE_SOURCE_DIR}/docs/configuration.md)
  foreach(page gatewayd.8 gatewayctl.1 gatewayd.yaml.5)
    set(source ${CMAKE_SOURCE_DIR}/docs/man/${page}.scd)
    if(page STREQUAL gatewayd.yaml.5)
      set(source ${man_dir}/${page}.scd)
      add_custom_command(OUTPUT ${source} COMMAND ${config_man} > ${source} DEPENDS scripts/config_man.py docs/configuration.md)
    endif()
    add_custom_command(OUTPUT ${man_dir}/${page}.gz
      COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=${gateway_commit_time} ${SCDOC_PROGRAM} < ${source} > ${man_dir}/${page}
      COMMAND ${GZIP_PROGRAM} -9nf ${man_dir}/${page}
      DEPENDS ${source})
    list(APPEND man_pages ${man_dir}/${page}.gz)
    string(REGEX MATCH "[0-9]$" section ${page})
    # Optional: `./dev build` makes the two programs only.
    install(FILES ${man_dir}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} OPTIONAL)
  endforeach()
  add_custom_target(man ALL DEPENDS ${man_pages})
endif()

# The bill of materials is of the programs as they were linked here. It takes Debian's package database, so a package has it and a
# build for work makes it on demand only: `./dev sbom`.
find_program(DPKG_QUERY_PROGRAM dpkg-query)
if(DPKG_QUERY_PROGRAM AND PYTHON_PROGRAM)
  set(sbom ${CMAKE_BINARY_DIR}/gatewayd.cdx.json)
  add_custom_command(OUTPUT ${sbom}
    COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=${gateway_commit_time} ${PYTHON_PROGRAM} ${CMAKE_SOURCE_DIR}/scripts/sbom.py
      --version ${PROJECT_VERSION} --commit ${gateway_commit} --output ${sbom} $<TARGET_FILE:gatewayd> $<TARGET_FILE:gatewayctl>
    DEPENDS gatewayd gatewayctl scripts/sbom.py VERBATIM)
  add_custom_target(sbom DEPENDS ${sbom})
  install(FILES ${sbom} DESTINATION ${doc_dir} OPTIONAL)
endif()
