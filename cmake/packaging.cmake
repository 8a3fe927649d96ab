# The Debian package, by CPack: `cpack -G DEB` in the build folder, or `./dev package`.
set(GATEWAY_MAINTAINER "mTLS gateway maintainers <maintainers@gateway.invalid>" CACHE STRING "Maintainer of the package")
set(GATEWAY_DEB_REVISION 1 CACHE STRING "Debian revision of the package")
set(GATEWAY_DEB_VERSION ${PROJECT_VERSION}-${GATEWAY_DEB_REVISION})

set(package_dir ${CMAKE_BINARY_DIR}/package)

# Debian's changelog has the date of the commit: a package is a function of its sources.
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C TZ=UTC date -u -R -d @${gateway_commit_time}
  OUTPUT_VARIABLE changelog_date OUTPUT_STRIP_TRAILING_WHITESPACE)
configure_file(deploy/debian/changelog.in ${package_dir}/changelog.Debian @ONLY)
if(GZIP_PROGRAM)
  configure_file(CHANGELOG.md ${package_dir}/changelog COPYONLY)
  execute_process(COMMAND ${GZIP_PROGRAM} -9nf -k changelog changelog.Debian WORKING_DIRECTORY ${package_dir})
  install(FILES ${package_dir}/changelog.gz ${package_dir}/changelog.Debian.gz DESTINATION ${doc_dir})
endif()
install(FILES deploy/debian/copyright DESTINATION ${doc_dir})
install(FILES deploy/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME gatewayd)

# dpkg asks before it replaces one of these that was changed.
file(WRITE ${package_dir}/conffiles "/etc/gatewayd/gatewayd.yaml\n/etc/logrotate.d/gatewayd\n")
foreach(script postinst prerm postrm)
  file(COPY deploy/debian/${script} DESTINATION ${package_dir} FILE_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  list(APPEND control_files ${package_dir}/${script})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gatewayd)
set(CPACK_PACKAGE_CONTACT ${GATEWAY_MAINTAINER})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "TLS gateway that makes mutual TLS easy to roll out")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A reverse proxy that stands in front of APIs which know nothing of client
certificates, and decides who may do what: no client certificates, optional or
mandatory ones per virtual host, policies on certificates and requests,
revocation lists, reloads that lose nothing, metrics for Prometheus.
.
The package has the daemon gatewayd as a hardened systemd service, and
gatewayctl, which checks and reloads its configuration and runs a small
certificate authority.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${GATEWAY_DEB_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_PREDEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "logrotate, prometheus")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${control_files} ${package_dir}/conffiles)
include(CPack)
