"""Trains small vocabularies. Unlike the trainers of the `tokenizers` library, whose ties fall as
their hash tables please, the same text gives the same vocabulary every time."""

import re
import unicodedata
from collections import Counter

import clip_vocabulary

WORD = re.compile(r"[^\W\d_]+|\d|[^\w\s]+|_")


def count_words(lines):
    text = (unicodedata.normalize("NFC", line) for line in lines)
    return Counter(word for line in text for word in WORD.findall(line))


def merge_pair(symbols, pair, merged):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(merged)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def train(words, count, join):
    """words {tuple of symbols: frequency} -> up to `count` pairs whose joined forms are new."""
    words = [(list(symbols), frequency) for symbols, frequency in sorted(words.items())]
    known = {symbol for symbols, _ in words for symbol in symbols}
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for symbols, frequency in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += frequency
        new = [(-frequency, pair) for pair, frequency in pairs.items() if join(pair) not in known]
        if not new:
            break
        pair = min(new)[1]
        known.add(join(pair))
        merges.append(pair)
        words = [(merge_pair(symbols, pair, join(pair)), frequency) for symbols, frequency in words]
    return merges


def clip_merges(lines, count):
    """CLIP's layout: byte symbols, </w> on the last of a word."""
    # Ids run over the printable bytes first, so the character of byte b has to be looked up.
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    order = printable + [b for b in range(256) if b not in printable]
    character = dict(zip(order, clip_vocabulary.byte_symbols()))
    words = Counter()
    for word, frequency in count_words(line.lower() for line in lines).items():
        symbols = [character[byte] for byte in word.encode()]
        words[tuple(symbols[:-1] + [symbols[-1] + "</w>"])] += frequency
    return train(words, count, "".join)


def wordpieces(lines, count, special):
    """Special tokens, the characters seen, then joined pieces; ## before what begins no word."""
    words = Counter()
    for word, frequency in count_words(lines).items():
        words[(word[0], *("##" + c for c in word[1:]))] += frequency
    characters = sorted({symbol for symbols in words for symbol in symbols})
    join = lambda pair: pair[0] + pair[1].removeprefix("##")
    tokens = special + characters
    return tokens + [join(pair) for pair in train(words, count - len(tokens), join)]
