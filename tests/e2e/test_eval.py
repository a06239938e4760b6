#!/usr/bin/env python3
"""eval: a model at several numbers of steps, and pictures that are there, judged by a small scorer."""

import json
import random
import shutil
import string
import struct
import tarfile
import unittest

from case import SOURCE, Case, png_chunks, safetensors

WIDTHS, EMBEDDING, TEXT_WIDTH = (8, 16), 12, 48


def tower_shapes():
    """name -> shape of the tensors of an ImageTextModel with these widths and one block a stage."""
    shapes, before = {}, 3
    for i, width in enumerate(WIDTHS):
        stage = f"image_tower.stages.{i}."
        shapes |= {stage + "down.weight": (width, before, 3, 3), stage + "down.bias": (width,)}
        for j in (1, 2):
            block = stage + "blocks.0."
            shapes |= {f"{block}norm{j}.{leaf}": (width,) for leaf in ("weight", "bias")}
            shapes |= {f"{block}conv{j}.weight": (width, width, 3, 3), f"{block}conv{j}.bias": (width,)}
        before = width
    shapes |= {"image_tower.norm_out." + leaf: (before,) for leaf in ("weight", "bias")}
    shapes["image_tower.pool.query.weight"] = (1, before)
    for layer in ("to_k", "to_v", "to_out"):
        shapes |= {f"image_tower.pool.{layer}.weight": (before, before), f"image_tower.pool.{layer}.bias": (before,)}
    shapes["image_projection.weight"] = (EMBEDDING, before)
    shapes["text_projection.weight"] = (EMBEDDING, TEXT_WIDTH)
    shapes["logit_scale"] = (1,)
    return shapes


class Eval(Case):
    def setUp(self):
        super().setUp()
        self.scorer = self.folder / "scorer"
        self.write_scorer()
        self.prompts = self.folder / "prompts.txt"
        self.prompts.write_text("a red apple\na cat face\n\na house\na red apple\n")

    def write_scorer(self):
        """Weights made from a seed, the small BERT of the goldens, letters as the vocabulary."""
        draw, tensors = random.Random(5), {}
        for name, shape in tower_shapes().items():
            count = 1
            for extent in shape:
                count *= extent
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            values = [centre + draw.gauss(0, 0.3) for _ in range(count)]
            tensors[name] = ("F32", list(shape), struct.pack(f"<{count}f", *values))
        shutil.copytree(SOURCE / "tests" / "goldens" / "text_encoder" / "bert", self.scorer / "text_encoder")
        (self.scorer / "tokenizer").mkdir()
        letters = [mark + letter for letter in string.ascii_lowercase for mark in ("", "##")]
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
        (self.scorer / "tokenizer" / "vocab.txt").write_text("".join(token + "\n" for token in tokens))
        (self.scorer / "model.safetensors").write_bytes(safetensors(tensors))
        config = {"_class_name": "ImageTextModel", "image_size": 32, "widths": WIDTHS, "blocks": [1, 1],
                  "norm_groups": 4, "pool_heads": 2, "embedding_width": EMBEDDING, "text_width": TEXT_WIDTH,
                  "text_tokens": 24}
        (self.scorer / "config.json").write_text(json.dumps(config))

    def eval(self, task, *arguments, **options):
        return self.run_program("eval", task, *arguments, **options)

    def steps(self, *arguments):
        stdout, _ = self.eval("steps", "--scorer", self.scorer, "--precision", "f32", "-W", "64", "-H", "64",
                              "--json", *arguments)
        return json.loads(stdout)

    def shard_of_paintings(self):
        """Two painted pictures with their prompts, as a shard and as a folder."""
        folder = self.folder / "pictures"
        folder.mkdir()
        for i, prompt in enumerate(("a red apple", "a cat face")):
            self.run_program("generate", "-p", prompt, "--steps", "1", "-s", str(i), "--precision", "f32", "-W", "64",
                             "-H", "64", "-o", folder / f"{i}.png")
            (folder / f"{i}.txt").write_text(prompt)
        shard = self.folder / "a.tar.gz"
        with tarfile.open(shard, "w:gz") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)
        return folder, shard

    def test_steps_gives_a_row_for_each_number_and_a_sheet(self):
        sheet = self.folder / "sheet.png"
        result = self.steps("--prompts", self.prompts, "--steps", "1,2", "--sheet", sheet)
        self.assertEqual(result["prompts"], 3)
        self.assertEqual([row["steps"] for row in result["rows"]], [1, 2])
        for row in result["rows"]:
            self.assertTrue(0 <= row["clip_score"] <= 100)
            self.assertTrue(0 <= row["recall_at_1"] <= row["recall_at_5"] == 1)
            self.assertTrue(1 <= row["inception_score"] <= 100)
            self.assertIsNone(row["fid"])
            self.assertGreater(row["ms_per_picture"], 0)
        self.assertEqual(next(png_chunks(sheet))[0], b"IHDR")
        again = self.steps("--prompts", self.prompts, "--steps", "2,2", "--threads", "1")
        self.assertEqual(len(again["rows"]), 1, "a number given twice is painted once")
        for key in ("clip_score", "inception_score"):
            self.assertEqual(again["rows"][0][key], result["rows"][1][key], "same seed, same figures")
        other = self.steps("--prompts", self.prompts, "--steps", "2", "-s", "9")
        self.assertNotEqual(other["rows"][0]["clip_score"], again["rows"][0]["clip_score"])
        table, _ = self.eval("steps", "--scorer", self.scorer, "--prompts", self.prompts, "--steps", "1", "--limit", "2")
        self.assertIn("recall@5", table)
        self.assertIn("2 prompts, lcm", table)

    def test_captions_of_a_shard_are_prompts_and_its_pictures_the_reference(self):
        _, shard = self.shard_of_paintings()
        result = self.steps("--shards", shard, "--steps", "1")
        real, one = result["rows"]
        self.assertNotIn("steps", real)
        # Prompt i has seed + i: the model paints the reference again.
        self.assertAlmostEqual(one["fid"], 0, places=4)
        self.assertAlmostEqual(one["clip_score"], real["clip_score"], places=4)

    def test_sheet_needs_no_scorer(self):
        out = self.folder / "sheet.png"
        stdout, _ = self.eval("sheet", "--prompts", self.prompts, "--steps", "1,2", "-W", "64", "-H", "64", "-o", out)
        self.assertEqual(stdout.strip(), str(out))
        self.assertTrue(out.exists())

    def test_pictures_that_are_there(self):
        folder, shard = self.shard_of_paintings()
        scorer = ("--scorer", self.scorer, "--json")
        clip = [json.loads(self.eval("clip", *scorer, source)[0]) for source in (folder, shard)]
        self.assertEqual(clip[0], clip[1])
        self.assertEqual((clip[0]["pictures"], clip[0]["captions"]), (2, 2))
        same = json.loads(self.eval("fid", *scorer, folder, shard)[0])
        self.assertAlmostEqual(same["fid"], 0, places=5)
        shutil.copy(SOURCE / "models" / "emoji-v0" / "sheet-4-steps.png", folder / "z.png")
        other = json.loads(self.eval("fid", *scorer, folder, shard)[0])
        self.assertEqual(other["pictures"], [3, 2])
        self.assertGreater(other["fid"], 1e-3)
        score = json.loads(self.eval("is", *scorer, shard)[0])
        self.assertEqual(score["classes"], 100)
        classes = self.folder / "classes.txt"
        classes.write_text("one\ntwo\n")
        score = json.loads(self.eval("is", *scorer, shard, "--classes", classes)[0])
        self.assertEqual(score["classes"], 2)
        self.assertTrue(1 <= score["inception_score"] <= 2)

    def test_odd_prompts_are_painted_and_printed(self):
        self.prompts.write_text("\x1b[31mred\n" + "long " * 500 + "\n\U0001f98a\n", encoding="utf-8")
        result = self.steps("--prompts", self.prompts, "--steps", "1", "--sheet", self.folder / "odd.png")
        self.assertEqual(result["prompts"], 3)

    def test_what_is_wrong_is_told_in_a_line(self):
        steps = ("eval", "steps", "--steps", "1", "--scorer")
        prompts = ("--prompts", self.prompts)
        self.expect_error(*steps, "/no/scorer", *prompts, says="/no/scorer")
        self.expect_error(*steps, SOURCE / "models" / "emoji-v0", *prompts, says="expected an image-text model")
        self.expect_error(*steps, self.scorer, "--prompts", "/no/prompts.txt", says="/no/prompts.txt")
        self.expect_error(*steps, self.scorer, *prompts, "--sheet", "/no/sheet.png", says="/no/sheet.png")
        self.expect_error(*steps, self.scorer, *prompts, "-m", "/no/model", says="/no/model")
        self.expect_error(*steps, self.scorer, *prompts, "-W", "63", says=["prompt 1", "63"])
        broken = self.folder / "broken.txt"
        broken.write_bytes(b"fine\n\xff\n")
        self.expect_error(*steps, self.scorer, "--prompts", broken, says=["broken.txt", "line 2"])
        self.expect_error("eval", "fid", "--scorer", self.scorer, self.folder / "none", self.folder, says="none")
        (self.scorer / "config.json").write_text('{"_class_name": "ImageTextModel", "image_sise": 32}')
        self.expect_error(*steps, self.scorer, *prompts, says=["config.json", "image_sise"])

    def test_wrong_usage_is_told(self):
        for arguments in (["eval"], ["eval", "steps", "--scorer", self.scorer],
                          ["eval", "fid", "--scorer", self.scorer, self.folder],
                          ["eval", "steps", "--scorer", self.scorer, "--prompts", self.prompts, "--steps", "0"]):
            self.run_program(*arguments, code=2)


if __name__ == "__main__":
    unittest.main()
