#!/usr/bin/env python3
"""Writes CLIP's vocabulary as vocab.json + merges.txt, from the merge list that OpenAI published.

Usage: clip_vocabulary.py OUT_DIR [bpe_simple_vocab_16e6.txt.gz]

Without the second argument the list is taken from the installed package open-clip-torch
(pip install --no-deps open-clip-torch; MIT licence, (c) 2021 OpenAI).
Layout: byte symbols, byte symbols with </w>, one entry for each of the first 48894 merges,
<|startoftext|> = 49406, <|endoftext|> = 49407.
"""

import gzip
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

SOURCE = "bpe_simple_vocab_16e6.txt.gz"
SOURCE_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
MERGES = 49408 - 2 * 256 - 2
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def byte_symbols():
    """The 256 characters that stand for bytes, in the order of CLIP's ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(0x100 + i) for i in range(others)]


def vocabulary(merges):
    """{token: id} in CLIP's order for a list of (left, right)."""
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols]
    tokens += [left + right for left, right in merges] + [BOS, EOS]
    return {token: i for i, token in enumerate(tokens)}


def settings(pad=EOS):
    special = lambda text: {"__type": "AddedToken", "content": text, "lstrip": False,
                            "normalized": True, "rstrip": False, "single_word": False}
    return {"bos_token": special(BOS), "eos_token": special(EOS), "unk_token": special(EOS),
            "pad_token": pad, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}


def write(folder, merges, pad=EOS):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary(merges), ensure_ascii=False) + "\n",
                                       encoding="utf-8")
    lines = ["#version: 0.2"] + [f"{left} {right}" for left, right in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings(pad), indent=1) + "\n")


def find_source():
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("clip_vocabulary.py: package open-clip-torch not found: pip install --no-deps"
                 f" open-clip-torch, or give the path of {SOURCE}")
    return Path(spec.submodule_search_locations[0]) / SOURCE


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = Path(sys.argv[2]) if len(sys.argv) == 3 else find_source()
    packed = source.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"{source}: sha256 {found}, expected {SOURCE_SHA256}")
    lines = gzip.decompress(packed).decode("utf-8").split("\n")
    write(sys.argv[1], [tuple(line.split()) for line in lines[1:1 + MERGES]])


if __name__ == "__main__":
    main()
