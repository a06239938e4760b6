#!/usr/bin/env bash
# Fetches the libtorch that training is built with, once for all checkouts, and prints its folder (for
# -DEDGEFUSION_TORCH=...). EDGEFUSION_TORCH: another folder. 1.3 GB; the CPU's part of the wheel is
# used, which needs two small libraries of CUDA to load and no GPU.
set -euo pipefail
version=2.11.0
folder=${EDGEFUSION_TORCH:-${XDG_CACHE_HOME:-$HOME/.cache}/edgefusion/torch-$version}
if [ ! -e "$folder/torch/lib/libtorch_cpu.so" ]; then
  rm -rf "$folder.partial"
  python3 -m pip install --quiet --no-deps --target "$folder.partial" "torch==$version" \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 >&2
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  mv "$folder.partial" "$folder"
fi
echo "$folder"
