#!/usr/bin/env python3
"""plan: plans hold what they say, are read again, and bad devices and plans are refused in one line."""

import json
import unittest

from case import MODEL, SOURCE, Case

DEVICES = SOURCE / "src/npu/devices"
DECODER = ("--network", "vae_decoder")


class Plan(Case):
    def plan(self, *arguments, device="large-16m", **options):
        return self.run_program("plan", MODEL, "--device", device, *arguments, **options)

    def written(self, *arguments, device="large-16m"):
        file = self.folder / "plan.json"
        self.plan("-o", file, *arguments, device=device)
        return file, json.loads(file.read_text())

    def refused(self, *arguments, **options):
        """The one line of an error; nothing is printed or written."""
        before = sorted(self.folder.iterdir())
        out, err = self.plan(*arguments, code=1, **options)
        self.assertEqual(out, "")
        lines = [line for line in err.splitlines() if not line.startswith("planning ")]
        self.assertEqual(len(lines), 1, err)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return lines[0]

    def device(self, change):
        """A file with large-16m, changed."""
        device = json.loads((DEVICES / "large-16m.json").read_text())
        change(device)
        file = self.folder / "device.json"
        file.write_text(json.dumps(device))
        return file

    def test_groups_cover_the_network_and_their_costs_add_up(self):
        _, plan = self.written(*DECODER)
        network, = plan["networks"]
        self.assertEqual(network["name"], "vae_decoder")
        self.assertLess(network["totals"]["cycles"], network["op_by_op"]["cycles"])
        ops = [op for group in network["groups"] for op in range(*group["ops"])]
        self.assertEqual(ops, list(range(len(ops))))
        for field in ("macs", "dram_bytes_read", "dram_bytes_written"):
            self.assertEqual(sum(group[field] for group in network["groups"]),
                             network["totals"][field], field)
        for slot in (slot for group in network["groups"] for slot in group["slots"]):
            self.assertLessEqual(slot["offset"] + slot["bytes"], 16 << 20)

    def test_every_device_that_comes_along_takes_the_whole_model(self):
        for device in ("exynos-2400", "large-16m", "micro-512k"):
            with self.subTest(device):
                out, _ = self.plan("--size", "128x128", device=device)
                for network in ("text_encoder", "unet", "vae_decoder", "picture"):
                    self.assertIn(network, out)

    def test_plans_of_the_whole_model_give_the_networks_results_when_executed(self):
        for device in ("exynos-2400", "large-16m", "micro-512k"):
            with self.subTest(device):
                out, _ = self.plan("--size", "128x128", "--execute", device=device)
                lines = dict(line.split(maxsplit=1) for line in out.splitlines() if " executed: " in line)
                self.assertEqual(sorted(lines), ["text_encoder", "unet", "unet_once", "unet_timestep",
                                                 "vae_decoder"])
                # No sum of a convolution is split, and the decoder has nothing else.
                self.assertIn("the same bits", lines["vae_decoder"])

    def test_public_architectures_are_executed_with_random_weights(self):
        out, _ = self.run_program("plan", "--arch", "bk-sdm-tiny", "--size", "64x64", "--device", "large-16m",
                                  "--network", "vae_decoder", "--execute")
        self.assertIn("executed: ", out)

    def test_a_plan_that_was_written_is_executed(self):
        file, _ = self.written(*DECODER)
        out, _ = self.run_program("plan", MODEL, "--check", file, *DECODER, "--execute")
        self.assertIn("executed: ", out)

    def test_a_plan_is_checked_against_what_follows_from_it(self):
        file, plan = self.written(*DECODER)
        out, _ = self.run_program("plan", MODEL, "--check", file, *DECODER)
        self.assertIn("as the plan says", out)
        plan["networks"][0]["totals"]["cycles"] += 1
        file.write_text(json.dumps(plan))
        self.assertIn("cycles", self.refused("--check", file, *DECODER))

    def test_plans_for_something_else_and_damaged_ones_are_refused(self):
        file, plan = self.written(*DECODER)
        self.assertIn("size", self.refused("--check", file, *DECODER, "--size", "256x256"))
        self.assertIn("device", self.refused("--check", file, *DECODER, device="micro-512k"))
        text = file.read_text()
        cases = {"cut": text[:-200], "deep": "[" * 1000 + "]" * 1000, "not an object": "[]",
                 "unknown": json.dumps({**plan, "plnas": 1}),
                 "newer": json.dumps({**plan, "version": 99})}
        gap = json.loads(text)
        del gap["networks"][0]["groups"][1]
        cases["gap"] = json.dumps(gap)
        negative = json.loads(text)
        negative["networks"][0]["groups"][0]["tiling"]["lines"] = -1
        cases["negative"] = json.dumps(negative)
        for name, damaged in cases.items():
            with self.subTest(name):
                file.write_text(damaged)
                self.assertIn("plan.json", self.refused("--check", file, *DECODER))

    def test_bad_devices_are_refused(self):
        def set_rate(device):
            device["dma"]["bytes_per_cycle"] = 0

        def add_field(device):
            device["tensor_engines"]["alignment_rows"] = 4

        def name_op(device):
            device["host"]["ops"].append("softmaxx")

        def shrink(device):
            device["memory"] = {"bytes": 256, "banks": 2, "alignment": 64}

        cases = {set_rate: "bytes_per_cycle", add_field: "alignment_rows", name_op: "softmaxx",
                 shrink: "smallest tile takes"}
        for change, told in cases.items():
            with self.subTest(change.__name__):
                self.assertIn(told, self.refused(*DECODER, device=self.device(change)))
        cut = self.folder / "device.json"
        cut.write_text((DEVICES / "large-16m.json").read_text()[:100])
        self.assertIn("line", self.refused(*DECODER, device=cut))
        self.assertIn("missing.json", self.refused(*DECODER, device=self.folder / "missing.json"))
        self.assertIn("large-16m", self.refused(*DECODER, device="large-16"))

    def test_networks_and_blocks_can_be_planned_alone(self):
        self.assertIn("vae_decoder", self.refused("--network", "vae_decode"))
        costs = self.folder / "costs.json"
        out, _ = self.plan("--network", "unet", "--only", "down_blocks.0", "--op-by-op", "--json",
                           "--costs", costs)
        network, = json.loads(out)["networks"]
        items = json.loads(costs.read_text())["networks"][0]["items"]
        self.assertTrue(all(group["nodes"] == [] or any("down_blocks.0" in node for node in group["nodes"])
                            for group in network["groups"]))
        moved = sum(item["bytes"] for item in items)
        totals = network["totals"]
        self.assertEqual(moved, totals["dram_bytes_read"] + totals["dram_bytes_written"])
        self.assertEqual(sum(item["macs"] for item in items), totals["macs"])

    def test_the_trace_has_a_track_for_each_engine(self):
        trace = self.folder / "trace.json"
        self.plan(*DECODER, "--trace", trace)
        events = json.loads(trace.read_text())["traceEvents"]
        names = {e["args"]["name"] for e in events if e.get("name") == "thread_name"}
        self.assertGreaterEqual(len(names), 4)
        self.assertTrue(all(e["dur"] >= 0 for e in events if e["ph"] == "X"))


if __name__ == "__main__":
    unittest.main()
