#!/usr/bin/env python3
"""Prints src/text/unicode_differences.cc: where the `tokenizers` library sees a code point
differently from utf8proc, because the two follow different versions of Unicode.

Usage: unicode_differences.py > src/text/unicode_differences.cc
Needs: pip install tokenizers, and libutf8proc.so.2 of the distribution the project is built on.
"""

import ctypes

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

utf8proc = ctypes.CDLL("libutf8proc.so.2")
utf8proc.utf8proc_NFD.restype = ctypes.c_void_p
libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]
utf8proc.utf8proc_version.restype = ctypes.c_char_p
utf8proc.utf8proc_unicode_version.restype = ctypes.c_char_p

LETTER, MARK_NONSPACING, NUMBER = range(1, 6), (6,), range(9, 12)
PUNCTUATION, CONTROL = range(12, 19), (26, 27, 29)

lower = normalizers.Lowercase()
nfc = normalizers.NFC()
nfd = normalizers.NFD()
letters = normalizers.Replace(Regex(r"\p{L}"), "")
numbers = normalizers.Replace(Regex(r"\p{N}"), "")
clean = normalizers.BertNormalizer(True, False, False, False)
accents = normalizers.BertNormalizer(False, False, True, False)
bert_words = pre_tokenizers.BertPreTokenizer()


def ranges(points):
    """[(code point, value)] in order -> [(first, last, value)] with equal neighbours joined."""
    out = []
    for point, value in points:
        if out and out[-1][1] == point - 1 and out[-1][2] == value:
            out[-1][1] = point
        else:
            out.append([point, point, value])
    return out


def decomposed(text):
    address = utf8proc.utf8proc_NFD(text.encode())
    out = ctypes.string_at(address).decode()
    libc.free(address)
    return out


def inert():
    """Code points that only utf8proc reorders, decomposes or composes with."""
    out = set()
    for point in range(0x80, 0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        text = chr(point)
        for probe in ("a" + text + "\u0334", "a\u0345" + text):  # classes 1 and 240
            if nfd.normalize_str(probe) != decomposed(probe):
                out.add(point)
        parts = decomposed(text)
        if len(parts) > 1 and nfc.normalize_str(parts) != nfc.normalize_str(text):
            out.add(ord(parts[-1]))
    return sorted(out)


def differences():
    tables = {"Letter": [], "Number": [], "NonspacingMark": [], "Punctuation": [], "Control": [],
              "Inert": [(point, True) for point in inert()]}
    lowered = []
    for point in range(0x80, 0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        text, category = chr(point), utf8proc.utf8proc_category(point)
        seen = {
            "Letter": (letters.normalize_str(text) == "", category in LETTER),
            "Number": (numbers.normalize_str(text) == "", category in NUMBER),
            "Punctuation": (len(bert_words.pre_tokenize_str("a" + text + "b")) == 3,
                            category in PUNCTUATION),
            "Control": (clean.normalize_str(text) == "", category in CONTROL or point == 0xFFFD),
        }
        if nfd.normalize_str(text) == text:
            seen["NonspacingMark"] = (accents.normalize_str(text) == "", category in MARK_NONSPACING)
        for name, (theirs, ours) in seen.items():
            if theirs != ours:
                tables[name].append((point, theirs))
        small = lower.normalize_str(text)
        if len(small) == 1 and ord(small) != utf8proc.utf8proc_tolower(point):
            lowered.append((point, ord(small) - point))
    return tables, lowered


def print_rows(rows):
    line = "   "
    for row in rows:
        if len(line) + 1 + len(row) > 100:
            print(line)
            line = "   "
        line += " " + row
    print(line)


def main():
    tables, lowered = differences()
    print(f"// Made by scripts/unicode_differences.py from tokenizers {tokenizers.__version__}")
    print(f"// against utf8proc {utf8proc.utf8proc_version().decode()}"
          f" (Unicode {utf8proc.utf8proc_unicode_version().decode()}); do not edit.")
    print('#include "text/unicode_differences.h"\n\nnamespace edgefusion::text {\nnamespace {\n')
    for name, points in tables.items():
        print(f"constexpr PropertyRange k{name}[] = {{")
        print_rows(f"{{0x{a:x}, 0x{b:x}, {str(v).lower()}}}," for a, b, v in ranges(points))
        print("};\n")
    print("constexpr LowerCaseRange kLowerCase[] = {")
    print_rows(f"{{0x{a:x}, 0x{b:x}, {v}}}," for a, b, v in ranges(lowered))
    print("};\n\n}  // namespace\n")
    for name in tables:
        snake = "nonspacing_mark" if name == "NonspacingMark" else name.lower()
        print(f"std::span<const PropertyRange> {snake}_differences() {{ return k{name}; }}")
    print("std::span<const LowerCaseRange> lower_case_differences() { return kLowerCase; }")
    print("\n}  // namespace edgefusion::text")


if __name__ == "__main__":
    main()
