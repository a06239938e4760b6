#!/usr/bin/env bash
# Installs the Debian packages of scripts/dependencies.txt that are missing, for the groups named as
# arguments (build, test, full, train, recipe). Needs root for what is missing; says so otherwise.
set -euo pipefail
list="$(dirname "$(readlink -f "$0")")/dependencies.txt"
missing=()
for group in "$@"; do
  while read -r package; do
    # A program on the PATH is as good as its package (another compiler version, for example).
    case "$package" in
      g++|cmake|clang|python3) command -v "$package" >/dev/null && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done < <(sed -n "s/^$group: //p" "$list")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "Installing: ${missing[*]}" >&2
if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing and need root: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
