#!/usr/bin/env python3
"""profile: the parts are the whole, files are what they claim to be, comparisons tell noise from change."""

import json
import os
import shutil
import subprocess
import unittest
from html.parser import HTMLParser

from case import MODEL, Case


def median(values):
    return sorted(values)[len(values) // 2]


class Page(HTMLParser):
    """Charts of a page, and what it would load."""

    def __init__(self):
        super().__init__()
        self.charts, self.loads = [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "svg":
            self.charts.append(attributes.get("class"))
        if tag in ("link", "iframe", "object") or "src" in attributes or "href" in attributes:
            self.loads.append((tag, attributes))


class Profile(Case):
    def profile(self, *arguments, size="64x64", **options):
        return self.run_program("profile", MODEL, "--size", size, "--steps", "2", *arguments, **options)

    def saved(self, **options):
        file = self.folder / "old.json"
        self.profile("--repeat", "5", "--json", file, **options)
        return file, json.loads(file.read_text())

    def test_the_parts_are_the_whole_to_within_three_percent(self):
        # Each sum is measured within its whole, and the one in the middle is looked at.
        _, report = self.saved(size="256x256")
        whole = report["whole"]
        shares = [parts / all for parts, all in zip(whole["parts_ms"], whole["ms"])]
        self.assertEqual(len(shares), 5)
        self.assertGreaterEqual(median(shares), 0.97, shares)
        self.assertLessEqual(max(shares), 1.0, shares)
        for i, total in enumerate(whole["parts_ms"]):
            self.assertAlmostEqual(sum(part["ms"][i] for part in report["parts"]), total, delta=total * 1e-3)
            stages = sum(stage["ms"][i] for stage in report["stages"] if not stage["loads"])
            self.assertAlmostEqual(stages, whole["ms"][i], delta=total * 1e-3)

    def test_costs_are_those_of_inspect(self):
        _, report = self.saved()
        inspected = json.loads(self.run_program("inspect", MODEL, "--size", "64x64", "--json")[0])
        macs = {network["role"]: network["macs"] for network in inspected["networks"]}
        seen = {row["network"]: row for row in report["sums"]["by_network"]}
        self.assertEqual(seen["vae_decoder"]["macs"], macs["vae_decoder"])
        self.assertEqual(seen["text_encoder"]["macs"], macs["text_encoder"])
        # Once a picture, once a step, and the rest each step: together what two passes have, but for
        # what is computed only once.
        unet = sum(row["macs"] for name, row in seen.items() if name.startswith("unet"))
        self.assertEqual(unet + seen["unet:once"]["macs"], 2 * macs["unet"])
        self.assertEqual([row["name"] for row in report["sums"]["by_iteration"]], ["step 1", "step 2"])
        self.assertEqual(sum(row["macs"] for row in report["sums"]["by_iteration"]), unet)
        for rate in ("f32_macs_per_s", "bf16_macs_per_s", "int8_macs_per_s", "read_bytes_per_s"):
            self.assertGreater(report["machine"][rate], 1e8)

    def test_memory_is_forecast_and_measured(self):
        _, report = self.saved()
        memory = report["memory"]
        self.assertGreater(memory["forecast_peak_bytes"], memory["programs"][0]["weight_bytes"])
        self.assertGreater(memory["measured_peak_bytes"], max(m["bytes"] for m in memory["resident"]) - 1)
        for program in memory["programs"]:
            at_peak = program["live_bytes"][program["peak_step"]]
            self.assertEqual(at_peak, max(program["live_bytes"]))
            self.assertEqual(sum(value["bytes"] for value in program["alive"]), at_peak)
            self.assertLessEqual(at_peak, program["arena_bytes"])

    def test_trace_has_a_track_for_each_thread(self):
        file = self.folder / "trace.json"
        self.profile("--repeat", "1", "--trace", file, "--threads", "2")
        trace = json.loads(file.read_text())
        events = trace["traceEvents"]
        names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
        self.assertEqual(names, {1: "main", 2: "worker 1"})
        spans = [e for e in events if e["ph"] == "X"]
        self.assertEqual({e["tid"] for e in spans}, {1, 2})
        for tid in names:
            open_spans = []
            for event in (e for e in spans if e["tid"] == tid):
                begin, end = event["ts"], event["ts"] + event["dur"]
                while open_spans and open_spans[-1] <= begin + 1e-6:
                    open_spans.pop()
                if open_spans:
                    self.assertLessEqual(end, open_spans[-1] + 1e-3, event)
                open_spans.append(end)
        self.assertEqual(sum(e["cat"] == "denoising step" for e in spans), 2)
        self.assertTrue(any(e["cat"] == "step" and "conv_in" in e["name"] for e in spans))

    def test_page_stands_alone(self):
        file = self.folder / "profile.html"
        self.profile("--repeat", "1", "--html", file)
        page = Page()
        page.feed(file.read_text())
        self.assertEqual(page.charts, ["treemap", "timeline", "roofline", "memory"])
        self.assertEqual(page.loads, [])

    @unittest.skipUnless(shutil.which("chromium"), "no chromium")
    def test_a_browser_lays_the_page_out(self):
        file = self.folder / "profile.html"
        self.profile("--repeat", "1", "--html", file)
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + str(self.folder),
                   "--dump-dom", file.as_uri()]
        done = subprocess.run(browser, capture_output=True, timeout=120, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("<button>", done.stdout, "the script of the tables ran")
        self.assertEqual(done.stdout.count("<svg"), 4)

    def test_compare_tells_noise_from_change(self):
        file, report = self.saved()
        text, _ = self.profile("--repeat", "5", "--compare", file)
        self.assertIn("compared, medians", text)
        # Once the same step was a hundred times faster: it must be told, and first.
        slow = max((p for p in report["parts"] if p["network"] == "unet"), key=lambda p: min(p["ms"]))
        slow["ms"] = [ms / 100 for ms in slow["ms"]]
        file.write_text(json.dumps(report))
        text, _ = self.profile("--repeat", "5", "--compare", file)
        changed = [line.split() for line in text[text.index("compared"):].splitlines() if line.startswith("step ")]
        self.assertIn(["step", "unet/" + slow["name"]], [words[:2] for words in changed if words[-1] == "slower"])

    def test_compare_refuses_other_models_and_sizes_before_it_works(self):
        file, report = self.saved()
        size = ["--steps", "2", "--compare", file]
        self.expect_error("profile", MODEL, "--size", "128x64", *size,
                          says=["old.json: a profile of another size: 64x64, 2 steps, expected 128x64, 2 steps"])
        self.expect_error("profile", MODEL, "--size", "64x64", "--steps", "3", "--compare", file,
                          says=["old.json", "another size"])
        other = shutil.copytree(MODEL, self.folder / "other")
        self.expect_error("profile", other, "--size", "64x64", *size,
                          says=["old.json: a profile of another model: emoji-v0, expected other"])
        report["subject"]["architecture"] = "0" * 32
        file.write_text(json.dumps(report))
        self.expect_error("profile", MODEL, "--size", "64x64", *size, says=["old.json", "another model", "0" * 32])

    def test_broken_profiles_are_refused_with_one_line(self):
        file, report = self.saved()
        text = file.read_text()
        deep = '{"format": ' * 100 + "1" + "}" * 100
        for broken, says in (
            (text[: len(text) // 2], "line "),
            ("", "old.json"),
            ("[]", "old.json"),
            (deep, "old.json"),
            (json.dumps({**report, "colour": 1}), ["colour", "unknown field"]),
            (json.dumps({**report, "format": "other"}), "format"),
            (json.dumps({**report, "parts": [{}]}), "parts[0]"),
            (text.replace('"macs"', '"maks"', 1), "maks"),
        ):
            with self.subTest(says=says):
                file.write_text(broken)
                self.expect_error("profile", MODEL, "--compare", file, says=says)
        self.expect_error("profile", MODEL, "--compare", self.folder / "none.json", says="none.json")
        self.expect_error("profile", MODEL, "--html", self.folder / "no" / "page.html", says="no")
        self.expect_error("profile", self.folder / "no-model", says="no-model")
        self.expect_error("profile", MODEL, "--size", "64by64", says="64by64")
        self.assertEqual(sorted(os.listdir(self.folder)), ["old.json"])

    def test_json_alone_goes_to_the_output(self):
        report = json.loads(self.profile("--repeat", "1", "--json")[0])
        self.assertEqual(report["subject"]["model"], "emoji-v0")
        self.assertEqual(report["subject"]["precision"], report["subject"]["precision"].lower())

    def test_random_weights_need_no_files(self):
        report = json.loads(self.run_program("profile", "--arch", "bk-sdm-tiny", "--size", "64x64", "--steps", "2",
                                             "--repeat", "1", "--precision", "bf16", "--json")[0])
        seen = {row["network"]: row for row in report["sums"]["by_network"]}
        self.assertGreater(seen["unet"]["macs"], 1e9)
        self.assertEqual(report["subject"]["model"], "random bk-sdm-tiny, clip-vit-l-14, taesd")
        self.run_program("profile", MODEL, "--arch", "sd15", code=2)


if __name__ == "__main__":
    unittest.main()
