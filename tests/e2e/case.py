"""What the end-to-end tests share: the program, a folder of its own for each test, files to feed it.

Needs EDGEFUSION (the program) and EDGEFUSION_SOURCE (the source tree); standard library only.
"""

import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

PROGRAM = os.environ["EDGEFUSION"]
SOURCE = Path(os.environ["EDGEFUSION_SOURCE"])
MODEL = SOURCE / "models" / "emoji-v0"
UNET = SOURCE / "tests" / "goldens" / "unet" / "bk_tiny"


def safetensors(tensors):
    """Bytes of a file: name -> (dtype, shape, data)."""
    header, data = {}, b""
    for name, (dtype, shape, part) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def read_header(path):
    raw = Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def png_chunks(path):
    raw = Path(path).read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(raw):
        size, kind = struct.unpack(">I4s", raw[at : at + 8])
        body = raw[at + 8 : at + 8 + size]
        assert struct.unpack(">I", raw[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        yield kind, body
        at += 12 + size


def png_rows(path):
    """Rows of (r, g, b) of an RGB picture of 8 bits that is not interlaced."""
    chunks, data = {}, b""
    for kind, body in png_chunks(path):
        data += body if kind == b"IDAT" else b""
        chunks.setdefault(kind, body)
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw, stride = zlib.decompress(data), 3 * width
    rows, before = [], bytearray(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            a, b, c = (line[i - 3] if i >= 3 else 0), before[i], (before[i - 3] if i >= 3 else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows.append([tuple(line[3 * x : 3 * x + 3]) for x in range(width)])
        before = line
    return rows


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ef_e2e_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, *arguments, code=0, environment=None, **options):
        done = subprocess.run(
            [PROGRAM, *map(os.fsencode, arguments)],
            capture_output=True,
            env={**os.environ, "EDGEFUSION_CACHE": "off", **(environment or {})},
            timeout=300,
            **options,
        )
        text = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, code, text)
        self.assertNotIn("Sanitizer", text)
        return done.stdout.decode(errors="replace"), text

    def expect_error(self, *arguments, says, **options):
        _, stderr = self.run_program(*arguments, code=1, **options)
        last = stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith("edgefusion: error: "), stderr)
        self.assertEqual(stderr.count("edgefusion: error"), 1, stderr)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, last)

    def generate(self, *arguments, **options):
        return self.run_program("generate", "-p", "a red apple", "--steps", "1", *arguments, **options)

    def model_copy(self):
        """A copy of the default model whose files can be spoilt."""
        copy = self.folder / "model"
        shutil.copytree(MODEL, copy, ignore=shutil.ignore_patterns("golden*", "sheet*"))
        return copy
