#!/bin/sh
# Installs the packages of a package.json into a folder: scripts/install-npm.sh tests/npm/package.json build/npm
# Does nothing where they are there already. No lock file is written: it would hold the address of whatever registry is used here.
# Exits non-zero, saying why, where it cannot.
set -eu

wanted=$1
folder=$2
least=20

major() { node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

if [ "$(major)" -eq 0 ] || ! command -v npm >/dev/null 2>&1; then
  "$(dirname "$0")/install-debian.sh" nodejs npm || {
    echo "install-npm: node and npm are needed" >&2
    exit 1
  }
fi
if [ "$(major)" -lt "$least" ]; then
  echo "install-npm: node $least or later is needed, and $(node --version) is here" >&2
  exit 1
fi

installed="$folder/installed-$(major).json" # which versions fit is also a matter of node's
mkdir -p "$folder"
cmp -s "$wanted" "$installed" && exit 0
rm -rf "$folder/node_modules" "$folder"/installed-*.json
cp "$wanted" "$folder/package.json"
npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel=error >&2 || {
  echo "install-npm: npm could not install what $wanted names" >&2
  exit 1
}
cp "$wanted" "$installed"
