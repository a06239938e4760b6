#!/usr/bin/env bash
# The long checks of ./test --full, each also by itself, from anywhere:
#   scripts/test_full.sh [fuzz] [clip] [arm64]     without arguments: all three, in this order
# fuzz   every fuzz target for FUZZ_SECONDS (60) on a copy of its corpus
# clip   our ids against the reference tokenizer's, with the vocabulary of Stable Diffusion; fetches
#        Python packages, and needs text_clip_real_test built in build/dev or build/release
# arm64  the modules that need only headers, cross built, their tests under qemu
# JOBS: how many processes build and test at once (all processors).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
jobs=${JOBS:-$(nproc)}

# Prints the output of a command only if it fails.
quietly() {
  mkdir -p build
  "$@" >build/test_full.log 2>&1 || { tail -n 60 build/test_full.log; echo "failed: $*"; exit 1; }
}

run_fuzz() {
  local seconds=${FUZZ_SECONDS:-60} source name corpus log
  local -a targets=()
  for source in fuzz/fuzz_*.cc; do targets+=("$(basename "$source" .cc)"); done
  echo "== build (fuzz)"
  quietly cmake --preset fuzz
  quietly cmake --build --preset fuzz -j "$jobs" --target "${targets[@]}"
  for name in "${targets[@]}"; do
    echo "== $name, $seconds s"
    # libFuzzer adds what it finds to the first folder: the corpus in the tree stays as it is.
    corpus=build/fuzz/corpus/${name#fuzz_}
    log=build/fuzz/$name.log
    rm -rf "$corpus"
    mkdir -p "$corpus" build/fuzz/found
    cp -r "fuzz/corpus/${name#fuzz_}/." "$corpus"
    build/fuzz/fuzz/"$name" -max_total_time="$seconds" -rss_limit_mb=4096 \
      -artifact_prefix="build/fuzz/found/$name-" "$corpus" >"$log" 2>&1 ||
      { tail -n 60 "$log"; echo "failed: $name"; exit 1; }
    tail -n 1 "$log"
  done
}

# The test program: the sanitized one if it is built.
clip_test() {
  local preset
  for preset in dev release; do
    if [ -x "build/$preset/src/text/text_clip_real_test" ]; then
      echo "build/$preset/src/text/text_clip_real_test"
      return
    fi
  done
  echo "text_clip_real_test not found in build/dev or build/release: build one first" >&2
  return 1
}

run_clip() {
  local python=build/clip-venv/bin/python folder=build/clip-vocabulary program
  program=$(clip_test)
  echo "== the real CLIP vocabulary"
  [ -x "$python" ] || quietly python3 -m venv build/clip-venv
  # Of open-clip-torch only the merge list is wanted, not its torch.
  quietly "$python" -m pip install --no-deps open-clip-torch
  mapfile -t pinned < <(grep -E '^(transformers|tokenizers|numpy)==' scripts/requirements-goldens.txt)
  quietly "$python" -m pip install "${pinned[@]}"
  rm -rf "$folder"
  quietly "$python" scripts/clip_vocabulary.py "$folder"
  "$python" scripts/goldens/tokenizers.py --real "$folder" "$folder/golden.jsonl"
  EDGEFUSION_TEST_CLIP_VOCAB=$folder "$program"
}

run_arm64() {
  echo "== build (arm64)"
  quietly cmake --preset arm64
  quietly cmake --build --preset arm64 -j "$jobs"
  echo "== tests (arm64, under qemu)"
  ctest --preset arm64 -j "$jobs"
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(fuzz clip arm64)
for step in "${steps[@]}"; do
  case "$step" in
    fuzz|clip|arm64) "run_$step" ;;
    *) echo "usage: scripts/test_full.sh [fuzz] [clip] [arm64]" >&2; exit 2 ;;
  esac
done
