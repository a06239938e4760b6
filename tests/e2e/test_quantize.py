#!/usr/bin/env python3
"""quantize: a model of floats to a bundle of fewer bits, and what goes wrong on the way."""

import json
import os
import re
import signal
import struct
import subprocess
import time
import unittest
from html.parser import HTMLParser

from case import PROGRAM, SOURCE, Case, png_chunks, read_header

FLOATS = SOURCE / "models" / "emoji-256"
HELD_OUT = SOURCE / "scripts" / "default_model" / "prompts" / "held_out.txt"
EVERYTHING = {"layers": {"*": "w8a8", "unet/conv_out": "bf16"}, "attention": {"*": "int8"}}


class Page(HTMLParser):
    """Counts what is opened and closed, and keeps addresses."""

    VOID = {"meta", "br", "img", "input", "hr", "link", "line", "path", "rect", "circle", "polyline"}

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


def description(bundle):
    """"quantization" of a bundle's edgefusion.json."""
    header, data = read_header(bundle)
    begin, end = header["files/edgefusion.json"]["data_offsets"]
    return json.loads(data[begin:end])["quantization"]


class Quantize(Case):
    def recipe(self, content=None):
        path = self.folder / "recipe.json"
        path.write_text(json.dumps(content or EVERYTHING), "utf-8")
        return path

    def quantize(self, out, *arguments, recipe=None, **options):
        """Everything fixed, so that nothing is searched: some seconds."""
        return self.run_program("quantize", FLOATS, "-o", out, "--count", "2", "--schemes", "bf16",
                                "--min-psnr", "1", "--recipe", self.recipe(recipe), *arguments, **options)

    def refuse(self, *arguments, says):
        """Nothing is left behind, at least not in the folder."""
        before = sorted(self.folder.iterdir())
        self.expect_error("quantize", FLOATS, "-o", self.folder / "q.safetensors", "--count", "2",
                          "--schemes", "bf16", *arguments, says=says)
        self.assertEqual(before, sorted(self.folder.iterdir()))

    def test_the_bundle_paints_in_every_precision_and_becomes_a_folder_again(self):
        bundle, report = self.folder / "q.safetensors", self.folder / "r.html"
        self.quantize(bundle, "--report", report)
        said = description(bundle)
        layers = said["networks"]["unet"]["layers"]
        self.assertEqual(layers["down_blocks.0.resnets.0.conv1"]["scheme"], "w8a8")
        self.assertNotIn("conv_out", layers)
        self.assertIn("int8", set(said["networks"]["unet"]["attentions"].values()))
        self.assertEqual(said["calibration"]["prompts"], 2)
        for precision in ("auto", "int8", "bf16", "f32"):
            out = self.folder / "a.png"
            self.generate("-m", bundle, "-s", "3", "--precision", precision, "-o", out)
            self.assertEqual(struct.unpack(">II", dict(png_chunks(out))[b"IHDR"][:8]), (256, 256))
        folder = self.folder / "floats"
        self.run_program("convert", bundle, "-o", folder)
        self.generate("-m", folder, "-o", self.folder / "b.png")
        self.expect_error("quantize", bundle, "-o", self.folder / "again.safetensors",
                          says=["q.safetensors", "quantised already"])
        self.check_report(report)

    def test_inspect_tells_how_a_bundle_is_quantised(self):
        bundle = self.folder / "q.safetensors"
        self.quantize(bundle, recipe={"layers": {"*": "w8a8", "vae/*": "palette6", "unet/conv_out": "bf16"},
                                      "attention": {"unet/*": "int8"}})
        said, found = description(bundle), json.loads(self.run_program("inspect", bundle, "--json")[0])
        floats = json.loads(self.run_program("inspect", FLOATS, "--json")[0])
        self.assertEqual(found["precision"], "int8")
        for part in ("scores", "calibration", "recipe"):
            self.assertEqual(found["quantization"][part], said[part])
        by_role = {network["role"]: network for network in found["networks"]}
        for name, network in said["networks"].items():
            named = [layer["scheme"] for layer in network["layers"].values()]
            layers = by_role[{"vae": "vae_decoder"}.get(name, name)]["schemes"]["layers"]
            for scheme in set(named) - {"bf16"}:
                self.assertEqual(layers[scheme], named.count(scheme))
        header, _ = read_header(bundle)
        weights = [entry["data_offsets"] for name, entry in header.items()
                   if name.startswith(("text_encoder/", "unet/", "vae/", "quantized/"))]
        stored = sum(network["stored_bytes"] for network in found["networks"])
        self.assertEqual(stored, sum(end - begin for begin, end in weights))
        self.assertLess(stored, 0.7 * sum(network["stored_bytes"] for network in floats["networks"]))
        self.assertNotIn("quantization", floats)
        self.assertIn("palette6", by_role["vae_decoder"]["dtypes"])
        self.assertIn("s8", by_role["unet"]["dtypes"])
        self.assertGreaterEqual(by_role["unet"]["schemes"]["layers"]["bf16"], 1)  # conv_out, what runs once
        self.assertEqual(set(by_role["unet"]["schemes"]["attentions"]), {"int8"})
        text, _ = self.run_program("inspect", bundle)
        for part in ("int8 arithmetic", "dB PSNR", "2 prompts", said["calibration"]["hash"], "palette6 "):
            self.assertIn(part, text)
        self.assertNotIn("quantised", self.run_program("inspect", FLOATS)[0])

    def check_report(self, report):
        page, text = Page(), report.read_text("utf-8")
        page.feed(text)
        self.assertEqual(page.open, [])
        for address in page.addresses:
            self.assertTrue(address.startswith(("data:", "#")), address[:60])
        found = json.loads(report.with_suffix(".json").read_text("utf-8"))
        by_name = {(layer["network"], layer["name"]): layer for layer in found["layers"]}
        layer = by_name["unet", "down_blocks.0.resnets.0.conv1"]
        self.assertEqual(layer["scheme"], "w8a8")
        self.assertEqual(len(layer["activation"]["histogram"]), 64)
        self.assertLess(layer["bytes_after"], layer["bytes_before"])

    def test_the_same_picture_for_any_number_of_threads(self):
        bundle = self.folder / "q.safetensors"
        self.quantize(bundle)
        pictures = []
        for threads in ("1", "2", "3"):
            out = self.folder / (threads + ".png")
            self.generate("-m", bundle, "-s", "5", "--threads", threads, "-o", out)
            pictures.append(out.read_bytes())
        self.assertEqual(pictures[0], pictures[1])
        self.assertEqual(pictures[0], pictures[2])

    def test_the_search_keeps_its_limit_and_is_near_on_prompts_it_never_saw(self):
        bundle = self.folder / "q.safetensors"
        _, said = self.run_program("quantize", FLOATS, "-o", bundle, "--count", "8", "--min-psnr", "30",
                                   "--sensitivity-prompts", "1")
        self.assertGreaterEqual(description(bundle)["scores"]["psnr_db"], 30)
        self.assertIn("dB, SSIM", said)
        rows = json.loads(self.run_program(
            "eval", "agreement", "-m", bundle, "--against", FLOATS, "--prompts", HELD_OUT, "--limit", "12",
            "--steps", "2", "--json")[0])
        self.assertGreater(rows[0]["psnr_db"], 22)
        self.assertGreater(rows[0]["ssim"], 0.9)

    def test_agreement_of_a_model_with_itself_is_complete(self):
        rows = json.loads(self.run_program(
            "eval", "agreement", "-m", FLOATS, "--precision", "f32", "--prompts", HELD_OUT, "--limit", "2",
            "--steps", "1", "--json")[0])
        self.assertIsNone(rows[0]["psnr_db"])
        self.assertEqual(rows[0]["ssim"], 1)

    def test_prompts_of_several_languages_are_taken(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_text("ein roter Apfel\nune pomme rouge\nкрасное яблоко\n赤いりんご\nتفاحة حمراء\n", "utf-8")
        bundle = self.folder / "q.safetensors"
        _, said = self.run_program("quantize", FLOATS, "-o", bundle, "--schemes", "bf16", "--min-psnr", "1",
                                   "--recipe", self.recipe(), "--calibration", prompts)
        # One of the five is kept for the check.
        told = description(bundle)
        self.assertEqual((told["calibration"]["prompts"], told["checked_on"]), (4, 1))
        self.assertIn("calibrated by 4 and checked on 1 prompts", said)
        self.generate("-m", bundle, "-o", self.folder / "a.png")

    def test_bad_prompts_are_told(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_bytes(b"\xef\xbb\xbf\n")
        self.refuse("--calibration", prompts, says=["prompts.txt", "no text"])
        prompts.write_text("\n\n", "utf-8")
        self.refuse("--calibration", prompts, says=["prompts.txt"])
        prompts.write_bytes(b"a red apple\na \xff\n")
        self.refuse("--calibration", prompts, says=["2", "UTF-8"])
        self.refuse("--calibration", self.folder / "none.txt", says=["none.txt"])

    def test_bad_recipes_are_told(self):
        wrong = {"layers": {"unet/conv_inn": "w8a8"}}
        self.refuse("--recipe", self.recipe(wrong), says=["recipe.json", "unet/conv_inn", "unet/conv_in"])
        wrong = {"layers": {"*": "w8a9"}}
        self.refuse("--recipe", self.recipe(wrong), says=["recipe.json", "w8a9", "w8a8"])
        self.refuse("--schemes", "w8", says=["--schemes", "w8"])
        self.refuse("--methods", "equalise", says=["--methods", "equalise", "equalize"])

    def test_a_recipe_that_a_layer_cannot_follow_is_told(self):
        exact = {"layers": {"*": "w8a8", "text_encoder/encoder.layer.0.output.dense": "w8a8_winograd"},
                 "attention": {"*": "bf16"}}
        self.refuse("--recipe", self.recipe(exact), says=["recipe.json", "layer.0.output.dense", "w8a8_winograd", "w8a16"])
        part = {"layers": {"text_encoder/*.0.attention.self.key": "w8a8"}}
        self.refuse("--recipe", self.recipe(part), says=["self.key", "is merged into", "self.query"])
        _, said = self.quantize(self.folder / "q.safetensors",
                                recipe={"layers": {"*": "w8a8_winograd"}, "attention": {"*": "bf16"}})
        warnings = [line for line in said.splitlines() if "cannot be w8a8_winograd" in line]
        self.assertEqual(len(warnings), 1, said)
        self.assertIn("recipe.json: *:", warnings[0])

    def test_a_budget_that_cannot_be_met_ends_with_the_nearest(self):
        self.refuse("--min-psnr", "90", "--recipe", self.recipe(), says=["90.0 dB", "the nearest is"])
        out, recipe = self.folder / "q.safetensors", self.recipe()
        asked = ("quantize", FLOATS, "-o", out, "--count", "2", "--schemes", "bf16", "--recipe", recipe)
        self.refuse("--max-ms", "0.001", "--recipe", recipe, says=["0.00 ms", "the nearest is"])
        self.refuse("--max-mb", "1", "--recipe", recipe, says=["1.0 MB", "the nearest is"])
        _, said = self.run_program(*asked, "--max-mb", "34.8", code=1)
        nearest = re.search(r"the nearest is .* ([0-9.]+) MB", said).group(1)
        self.run_program(*asked, "--max-mb", nearest)
        self.assertLessEqual(out.stat().st_size, float(nearest) * 1e6)
        self.assertGreater(out.stat().st_size, float(nearest) * 1e6 - 200)

    def test_limits_are_numbers(self):
        for option in ("--min-psnr", "--max-ms", "--max-mb"):
            for wrong in ("nan", "inf", "-1", "0", "much"):
                _, said = self.run_program("quantize", FLOATS, "-o", self.folder / "q.safetensors", option,
                                           wrong, code=2)
                self.assertIn("expected a number above 0", said)
        for option in ("--sensitivity-prompts", "--count"):
            self.run_program("quantize", FLOATS, "-o", self.folder / "q.safetensors", option, "-1", code=2)

    def test_nothing_that_is_written_falls_on_another_file(self):
        recipe, other = self.recipe(), self.folder / "c.json"
        before = recipe.read_bytes()
        asked = ("quantize", FLOATS, "--count", "2", "--schemes", "bf16", "--recipe", recipe)
        for out, report in (
            (other, self.folder / "c.html"),  # the JSON report is the bundle
            (other, other),
            (self.folder / "q.safetensors", recipe),
            (self.folder / "q.safetensors", self.folder / "recipe.html"),
            (self.folder / "q.safetensors", self.folder / "a.json"),
            (recipe, self.folder / "r.html"),
        ):
            self.expect_error(*asked, "-o", out, "--report", report, says=["expected two files"])
        (self.folder / "d.json").mkdir()
        self.expect_error(*asked, "-o", other, "--report", self.folder / "d.html", says=["d.json", "is a folder"])
        self.assertEqual(recipe.read_bytes(), before)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["d.json", "recipe.json"])

    def test_a_bundle_says_how_to_make_it_again(self):
        first, again = self.folder / "q.safetensors", self.folder / "again.safetensors"
        report = self.folder / "r.html"
        self.quantize(first, "--report", report)
        said = description(first)
        self.assertEqual(said["source"]["name"], "emoji-256")
        self.assertEqual(said["budget"], {"min_psnr_db": 1})
        self.assertIn("feedback", said["methods"])
        self.assertEqual(said["recipe"]["layers"]["unet/conv_out"], "bf16")
        low, high = said["ranges"]["unet/down_blocks.0.resnets.0.conv1"]
        self.assertLess(low, high)
        self.quantize(again, recipe=said["recipe"])
        self.assertEqual(description(again), said)
        self.assertEqual(again.read_bytes(), first.read_bytes())
        # Nothing was chosen, so no layer was tried alone.
        found = json.loads(report.with_suffix(".json").read_text("utf-8"))
        self.assertEqual(found["curves"], [])
        self.assertTrue(all("sensitivity" not in layer for layer in found["layers"]))
        self.assertEqual(found["totals"]["bytes_after"], first.stat().st_size)
        self.assertEqual(found["budgets"][0]["at_least"], 1)

    def test_every_layer_in_w8a16_stays_near(self):
        bundle = self.folder / "q.safetensors"
        self.quantize(bundle, recipe={"layers": {"*": "w8a16"}, "attention": {"*": "bf16"}})
        rows = json.loads(self.run_program(
            "eval", "agreement", "-m", bundle, "--against", FLOATS, "--prompts", HELD_OUT, "--limit", "12",
            "--steps", "2", "--json")[0])
        self.assertGreater(rows[0]["psnr_db"], 35)

    def test_what_is_interrupted_leaves_nothing(self):
        out = self.folder / "q.safetensors"
        run = subprocess.Popen([PROGRAM, "quantize", FLOATS, "-o", out],
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "EDGEFUSION_CACHE": "off"})
        time.sleep(2)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_damaged_and_strange_bundles_are_refused(self):
        bundle = self.folder / "q.safetensors"
        self.quantize(bundle)
        whole = bundle.read_bytes()
        generate = ("generate", "-p", "a", "-o", self.folder / "a.png", "-m", bundle)
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        bundle.write_bytes(changed)
        self.expect_error(*generate, says=["q.safetensors", "hash of its contents", "expected", "found"])
        bundle.write_bytes(whole[: len(whole) // 2])
        self.expect_error(*generate, says=["q.safetensors"])
        bundle.write_bytes(whole.replace(b'"edgefusion_bundle":"2"', b'"edgefusion_bundle":"3"'))
        self.expect_error(*generate, says=["expected 1 or 2, found 3", "newer"])
        bundle.write_bytes(whole.replace(b'"edgefusion_hash"', b'"edgefusion_hush"'))
        self.expect_error(*generate, says=["edgefusion_hash"])
        self.assertFalse((self.folder / "a.png").exists())

    def test_int8_wants_a_quantised_model(self):
        self.expect_error("generate", "-p", "a", "-m", FLOATS, "--precision", "int8", "-o",
                          self.folder / "a.png", says=["int8", "not quantised", "edgefusion quantize"])
        self.expect_error("quantize", FLOATS, "-o", self.folder / "none" / "q.safetensors",
                          says=["none"])


if __name__ == "__main__":
    unittest.main()
