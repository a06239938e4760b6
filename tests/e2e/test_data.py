#!/usr/bin/env python3
"""data synthesize: from objects on white to scenes that train reads."""

import io
import json
import struct
import tarfile
import unittest
import zlib

from case import SOURCE, Case

MODEL = SOURCE / "tests" / "goldens" / "pipelines" / "sd"
SIDE = 64


def png(inside, colour):
    """A shape on white: `inside` says of a point between -1 and 1 whether it is in."""
    rows = b""
    for y in range(SIDE):
        rows += b"\0"
        for x in range(SIDE):
            u, v = (2 * x + 1) / SIDE - 1, (2 * y + 1) / SIDE - 1
            rows += bytes(colour if inside(u / 0.7, v / 0.7) else (255, 255, 255))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SHAPES = {
    "ball": (lambda x, y: x * x + y * y < 1, (222, 36, 40)),
    "box": (lambda x, y: abs(x) < 1 and abs(y) < 0.7, (40, 104, 224)),
    "kite": (lambda x, y: abs(x) + abs(y) < 1, (52, 168, 72)),
}


class Data(Case):
    def write_config(self, **changes):
        with tarfile.open(self.folder / "a.tar.gz", "w:gz") as shard:
            for name, (inside, colour) in SHAPES.items():
                notes = {"name": name, "style": "drawing", "source": "shapes", "licence": "CC0-1.0"}
                members = {"png": png(inside, colour), "txt": f"a drawing of a {name}".encode(),
                           "json": json.dumps(notes).encode()}
                for extension, data in members.items():
                    entry = tarfile.TarInfo(f"{name}.{extension}")
                    entry.size = len(data)
                    shard.addfile(entry, io.BytesIO(data))
        config = {"shards": ["a.tar.gz"], "scenes": 30, "resolution": 64, "scenes_per_shard": 20, "out": "scenes",
                  **changes}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return path

    def test_scenes_come_as_shards_with_captions_and_sources(self):
        stdout, _ = self.run_program("data", "synthesize", self.write_config())
        self.assertIn("30 scenes in 2 shards", stdout)
        out = self.folder / "scenes"
        samples = {}
        for shard in sorted(out.glob("synthetic-*.tar.gz")):
            with tarfile.open(shard) as members:
                for member in members:
                    key, extension = member.name.split(".")
                    samples.setdefault(key, {})[extension] = members.extractfile(member).read()
        self.assertEqual(len(samples), 30)
        for sample in samples.values():
            self.assertEqual(sample["webp"][:4] + sample["webp"][8:12], b"RIFFWEBP")
            notes = json.loads(sample["json"])
            self.assertEqual(notes["captions"][0], sample["txt"].decode())
            self.assertEqual({entry["licence"] for entry in notes["objects"]}, {"CC0-1.0"})
            self.assertTrue(sample["txt"].startswith(b"a drawing of "), sample["txt"])
        self.assertEqual(json.loads((out / "index.json").read_text())["scenes"], 30)
        self.assertTrue((out / "sheet.png").read_bytes().startswith(b"\x89PNG"))

    def test_train_reads_the_scenes(self):
        self.run_program("data", "synthesize", self.write_config())
        config = {"model": str(MODEL), "shards": ["scenes/synthetic-000.tar.gz", "scenes/synthetic-001.tar.gz"],
                  "resolution": 32, "batch": 2, "steps": 1, "out": "out", "flip": True, "latents": "u8"}
        (self.folder / "train.json").write_text(json.dumps(config))
        self.run_program("train", "finetune", self.folder / "train.json")
        self.assertTrue((self.folder / "out" / "checkpoint-00000001").exists())

    def test_the_number_of_threads_does_not_matter(self):
        self.run_program("data", "synthesize", self.write_config(out="one"), "--threads", "1")
        self.run_program("data", "synthesize", self.write_config(out="three"), "--threads", "3")
        for file in sorted((self.folder / "one").iterdir()):
            self.assertEqual(file.read_bytes(), (self.folder / "three" / file.name).read_bytes(), file.name)

    def test_what_is_wrong_is_told_in_a_line(self):
        self.expect_error("data", "synthesize", self.write_config(scnes=3), says=["config.json", "scenes"])
        self.expect_error("data", "synthesize", self.write_config(kinds={"side": 3}), says="sides")
        self.expect_error("data", "synthesize", self.write_config(shards=["none.tar"]), says="none.tar")
        self.expect_error("data", "synthesize", self.write_config(where={"style": ["photo"]}), says=["photo", "drawing"])
        self.expect_error("data", "synthesize", "/no/config.json", says="/no/config.json")
        self.assertFalse((self.folder / "scenes").exists())
        self.run_program("data", "synthesize", self.write_config())
        self.expect_error("data", "synthesize", self.write_config(), says="not empty")
        self.run_program("data", "blend", self.write_config(), code=2)


if __name__ == "__main__":
    unittest.main()
