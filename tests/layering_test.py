#!/usr/bin/env python3
"""Reads the sources and fails where the layout's rules are broken.

Includes point only downwards (MAY_INCLUDE), no file has more than MAX_LINES lines, none is named
after nothing ("utils"), none holds a note of unfinished work.

Usage: layering_test.py SOURCE_DIR
"""

import re
import sys
import unittest
from pathlib import Path

# Module -> modules of ours it may include, besides itself. CONTRIBUTING.md draws the same picture.
MAY_INCLUDE = {
    "core": set(),
    "kernels": {"core"},
    "text": {"core"},
    "diffusion": {"core"},
    "formats": {"core"},
    "drawing": {"formats", "core"},
    "graph": {"core"},
    "engine": {"graph", "kernels", "core"},
    "models": {"graph", "core"},
    "pipeline": {"models", "engine", "diffusion", "text", "formats", "graph", "core"},
    "shards": {"formats", "core"},
    "data": {"drawing", "shards", "formats", "core"},
    "train": {"drawing", "shards", "pipeline", "models", "graph", "diffusion", "text", "formats",
              "core"},
    "eval": {"drawing", "shards", "pipeline", "models", "engine", "text", "formats", "graph",
             "core"},
    "quant": {"drawing", "pipeline", "models", "engine", "diffusion", "text", "formats", "graph",
              "core"},
    "npu": {"drawing", "graph", "formats", "core"},
    "profile": {"drawing", "pipeline", "models", "engine", "formats", "graph", "core"},
    "onnx": {"formats", "graph", "core"},
    "api": {"pipeline", "diffusion", "engine", "formats", "core", "edgefusion"},
}
MAY_INCLUDE["cli"] = set(MAY_INCLUDE) - {"api"}
MODULES = set(MAY_INCLUDE) | {"edgefusion"}  # edgefusion/: the public headers
LIBRARIES = {"hwy"}  # third-party headers that are included with quotes, as their manuals say

MAX_LINES = 400
NAMELESS = re.compile(r"(^|_)(utils?|common|misc|helpers?)(_|\.|$)")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SUFFIXES = {".cc", ".c", ".h", ".py", ".cmake"}


def include_complaints(module, lines):
    """What is wrong with the quoted includes of a file in `module`."""
    complaints = []
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1).split("/")[0]
        if "/" not in match.group(1) or target not in MODULES | LIBRARIES:
            complaints.append(f'{number}: "{match.group(1)}" does not begin with a module')
        elif target in MODULES and target != module and target not in MAY_INCLUDE[module]:
            complaints.append(f'{number}: {module} must not include "{match.group(1)}"')
    return complaints


def file_complaints(name, lines):
    """What is wrong with any file, whatever its module."""
    complaints = []
    if NAMELESS.search(name):
        complaints.append("the name does not say what the file holds")
    if len(lines) > MAX_LINES:
        complaints.append(f"{len(lines)} lines, expected at most {MAX_LINES}: split it by idea")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            complaints.append(f"{number}: unfinished work: {line.strip()}")
    return complaints


def sources(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path, path.read_text(encoding="utf-8").splitlines()


class Rules(unittest.TestCase):
    """The checks can fail, and let pass what is allowed."""

    def test_an_include_downwards_passes(self):
        lines = ['#include "core/result.h"', "#include <vector>", '#include "hwy/highway.h"']
        self.assertEqual(include_complaints("kernels", lines), [])

    def test_an_include_of_its_own_module_passes(self):
        self.assertEqual(include_complaints("graph", ['#include "graph/op.h"']), [])

    def test_an_include_upwards_is_refused(self):
        self.assertEqual(len(include_complaints("core", ['#include "graph/graph.h"'])), 1)

    def test_an_include_sideways_is_refused(self):
        self.assertEqual(len(include_complaints("models", ['  # include "engine/program.h"'])), 1)
        self.assertEqual(len(include_complaints("text", ['#include "formats/png.h"'])), 1)

    def test_an_include_without_a_module_is_refused(self):
        self.assertEqual(len(include_complaints("graph", ['#include "op.h"'])), 1)
        self.assertEqual(len(include_complaints("graph", ['#include "../core/result.h"'])), 1)

    def test_files_that_break_a_rule_are_refused(self):
        self.assertEqual(len(file_complaints("string_utils.h", [])), 1)
        self.assertEqual(len(file_complaints("long.cc", [""] * (MAX_LINES + 1))), 1)
        self.assertEqual(len(file_complaints("note.cc", ["// TO" "DO: later"])), 1)
        self.assertEqual(file_complaints("futility.cc", [""] * MAX_LINES), [])


class Sources(unittest.TestCase):
    root = Path()

    def test_includes_point_downwards(self):
        complaints = []
        for path, lines in sources(self.root, "src", "apps"):
            module = path.relative_to(self.root).parts[1]
            if module not in MAY_INCLUDE:
                complaints.append(f"{path}: module {module} is not in MAY_INCLUDE")
                continue
            complaints += [f"{path}:{text}" for text in include_complaints(module, lines)]
        self.assertEqual(complaints, [], "\n" + "\n".join(complaints))

    def test_every_file_keeps_the_rules(self):
        complaints, seen = [], 0
        folders = ("src", "apps", "include", "tests", "fuzz", "bench", "scripts", "cmake")
        for path, lines in sources(self.root, *folders):
            seen += 1
            complaints += [f"{path}: {text}" for text in file_complaints(path.name, lines)]
        self.assertEqual(complaints, [], "\n" + "\n".join(complaints))
        self.assertGreater(seen, 100, f"{self.root} does not look like the sources")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Sources.root = Path(sys.argv.pop())
    unittest.main()
