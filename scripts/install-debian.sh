#!/bin/sh
# Installs the Debian packages named as arguments where they are missing.
# Exits non-zero, naming what is missing, where it cannot: no apt, or not root.
set -eu

missing=""
for package in "$@"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "install-debian: no apt-get here; please install by hand:$missing" >&2
  exit 1
fi

run=""
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "install-debian: neither root nor sudo; please install:$missing" >&2
    exit 1
  fi
  run="sudo -n"
fi

export DEBIAN_FRONTEND=noninteractive
# Package services must not start: the tests run their own on free ports.
install() {
  # shellcheck disable=SC2086  # both hold several words on purpose
  $run env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2
}
install || { $run apt-get update >&2 && install; } || {
  echo "install-debian: apt-get could not install:$missing" >&2
  exit 1
}
