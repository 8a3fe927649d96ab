#!/bin/sh
# assemble.sh BIN ROOT: lays out the root of the image. ROOT gets the two programs of BIN, stripped, every library they load, the
# user, and for each Debian package in it the copyright and the record by which vulnerability scanners know what is inside.
set -eu
bin=$1
root=$2
uid=65532

install -d "$root/usr/bin" "$root/usr/sbin" "$root/etc/gatewayd" "$root/var/lib/dpkg/status.d" "$root/usr/share/doc/gatewayd"
for owned in var/lib/gatewayd var/log/gatewayd; do install -d -m 700 -o "$uid" -g "$uid" "$root/$owned"; done
# A tmpfs that is mounted here is root's, and some runtimes give it the mode of the folder below it.
install -d -m 1777 -o "$uid" -g "$uid" "$root/run/gatewayd"
install -m 755 -s "$bin/gatewayd" "$root/usr/sbin/gatewayd"
install -m 755 -s "$bin/gatewayctl" "$root/usr/bin/gatewayctl"
install -m 644 LICENSE "$root/usr/share/doc/gatewayd/copyright"

# The link closure, the loader with it; ldd names each library by the path it is loaded from.
closure=$(ldd "$root/usr/sbin/gatewayd" "$root/usr/bin/gatewayctl")
if printf '%s\n' "$closure" | grep 'not found'; then exit 1; fi
libraries=$(printf '%s\n' "$closure" | sed -n 's|^.* => \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/[^ ]*\) (.*|\1|p' | sort -u)
[ -n "$libraries" ]
for library in $libraries; do
  cp -L --parents "$library" "$root"
  real=$(realpath "$library")
  # dpkg knows files that moved in the /usr merge by their old path.
  owner=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}")
  package=${owner%%:*}
  dpkg-query -s "${owner%%: *}" >"$root/var/lib/dpkg/status.d/$package"
  install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done

cp -L /etc/os-release "$root/etc/os-release"
printf 'root:x:0:0:root:/:/usr/sbin/nologin\ngatewayd:x:%s:%s:mTLS gateway:/:/usr/sbin/nologin\n' "$uid" "$uid" >"$root/etc/passwd"
printf 'root:x:0:\ngatewayd:x:%s:\n' "$uid" >"$root/etc/group"
# Upstreams by name: what the container's /etc/hosts says comes first.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
