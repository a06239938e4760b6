#!/usr/bin/env python3
"""Small vocabularies of our own and the ids transformers gives with them.

Usage: make_goldens.py --only tokenizer            writes tests/goldens/tokenizer/
       tokenizers.py --real FOLDER OUT.jsonl       ids of the same lines for another CLIP vocabulary
Needs: pip install -r scripts/requirements-goldens.txt
"""

import json
import sys
from pathlib import Path

# Run as a program, this file would hide the package of its own name from transformers.
HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from transformers import BertTokenizer, CLIPTokenizer  # noqa: E402

import clip_vocabulary  # noqa: E402
from goldens import small_vocabularies, tokenizer_lines  # noqa: E402

CLIP_LENGTH, BERT_LENGTH = 24, 16  # short, so that the fitted ids stay small
BERT_SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_lines(path, tokenizer, lines):
    lines = list(dict.fromkeys(lines))
    with open(path, "w", encoding="utf-8") as out:
        for text in lines:
            ids = tokenizer(text)["input_ids"]
            fitted = tokenizer(text, truncation=True, padding="max_length",
                               max_length=tokenizer.model_max_length)["input_ids"]
            row = {"text": text, "ids": ids, "fitted": fitted}
            out.write(json.dumps(row, separators=(",", ":")) + "\n")
    return len(lines)


def variant(root, name, make, vocabulary_files, settings, lines):
    """A folder with only a tokenizer_config.json and goldens: its vocabulary is another folder's."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / "tokenizer_config.json"
    own.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    links = [folder / source.name for source in vocabulary_files]
    for link, source in zip(links, vocabulary_files):
        link.write_bytes(source.read_bytes())
    write_lines(folder / "golden.jsonl", make.from_pretrained(str(folder)), lines)
    for link in links:
        link.unlink()


def fast_file(root, name, tokenizer):
    """The same tokenizer as one tokenizer.json and nothing else."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    parsed = json.loads(tokenizer.backend_tokenizer.to_str())
    parsed["truncation"] = parsed["padding"] = None
    (folder / "tokenizer.json").write_text(
        json.dumps(parsed, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def make_clip(root):
    folder = root / "clip"
    merges = small_vocabularies.clip_merges(tokenizer_lines.training_text(), 700)
    clip_vocabulary.write(folder, merges)
    settings = {**clip_vocabulary.settings(), "model_max_length": CLIP_LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    tokenizer = CLIPTokenizer.from_pretrained(str(folder))
    write_lines(folder / "golden.jsonl", tokenizer, tokenizer_lines.golden_lines())
    fast_file(root, "clip_fast", tokenizer)

    files = [folder / "vocab.json", folder / "merges.txt"]
    size = tokenizer.vocab_size
    plain = lambda text, **flags: {"content": text, "lstrip": False, "rstrip": False,
                                   "normalized": True, "single_word": False, "special": False,
                                   **flags}
    sd2 = {**settings, "pad_token": "!", "bos_token": "<|startoftext|>"}
    variant(root, "clip_sd2", CLIPTokenizer, files, sd2, tokenizer_lines.special_lines())
    added = {**settings, "added_tokens_decoder": {
        str(size - 2): plain("<|startoftext|>", special=True),
        str(size - 1): plain("<|endoftext|>", normalized=False, special=True),
        str(size): plain("<Style>"), str(size + 1): plain("token", single_word=True),
        str(size + 2): plain("tok", lstrip=True, rstrip=True, normalized=False),
        str(size + 3): plain("cafe\u0301")}}
    variant(root, "clip_added", CLIPTokenizer, files, added, tokenizer_lines.special_lines())


def make_wordpiece(root):
    folder = root / "wordpiece"
    folder.mkdir(parents=True, exist_ok=True)
    text = tokenizer_lines.training_text()
    pieces = small_vocabularies.wordpieces(text + [line.lower() for line in text], 1500,
                                           BERT_SPECIAL)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True,
                "model_max_length": BERT_LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    tokenizer = BertTokenizer.from_pretrained(str(folder))
    write_lines(folder / "golden.jsonl", tokenizer, tokenizer_lines.golden_lines())
    fast_file(root, "wordpiece_fast", tokenizer)
    files = [folder / "vocab.txt"]
    cased = {**settings, "do_lower_case": False, "tokenize_chinese_chars": False}
    variant(root, "wordpiece_cased", BertTokenizer, files, cased, tokenizer_lines.golden_lines()[:150])


def make(root):
    make_clip(Path(root) / "tokenizer")
    make_wordpiece(Path(root) / "tokenizer")


def main():
    if len(sys.argv) != 4 or sys.argv[1] != "--real":
        sys.exit(__doc__)
    tokenizer = CLIPTokenizer.from_pretrained(sys.argv[2])
    count = write_lines(sys.argv[3], tokenizer, tokenizer_lines.golden_lines())
    print(f"{sys.argv[3]}: {count} lines")


if __name__ == "__main__":
    main()
