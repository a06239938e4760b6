#!/usr/bin/env bash
# Fetches the Python packages that tests of export-onnx need (requirements-onnx.txt), once for all
# checkouts, and prints their folder (for -DEDGEFUSION_ONNX_PYTHON=...). EDGEFUSION_ONNX_PYTHON: another
# folder. Some 40 MB to fetch.
set -euo pipefail
list="$(dirname "$(readlink -f "$0")")/requirements-onnx.txt"
version=$(cat "$list" <(python3 --version) | sha256sum | cut -c1-12)
folder=${EDGEFUSION_ONNX_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/edgefusion/onnx-$version}
if [ ! -e "$folder/onnxruntime/__init__.py" ]; then
  rm -rf "$folder.partial"
  python3 -m pip install --quiet --no-deps --target "$folder.partial" -r "$list" >&2
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  mv "$folder.partial" "$folder"
fi
echo "$folder"
