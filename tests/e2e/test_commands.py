#!/usr/bin/env python3
"""exec, inspect, tokenize, bench, kernels, and wrong usage."""

import json
import shutil
import struct
import subprocess
import unittest

from case import MODEL, PROGRAM, UNET, Case, read_header, safetensors


class OtherCommands(Case):
    def exec_inputs(self, network=UNET):
        """The inputs of the first golden run, under their exec names."""
        header, data = read_header(network / "golden.safetensors")
        tensors = {}
        for name, entry in header.items():
            if name.startswith("in.0."):
                begin, end = entry["data_offsets"]
                tensors[name[5:]] = (entry["dtype"], entry["shape"], data[begin:end])
        self.assertIn("sample", tensors)
        return tensors

    def exec_unet(self, tensors, *arguments):
        inputs = self.folder / "in.safetensors"
        inputs.write_bytes(safetensors(tensors))
        return ("exec", UNET, "unet", "--inputs", inputs, "--outputs", self.folder / "out.safetensors", *arguments)

    def test_exec_gives_outputs_and_taps_in_nchw(self):
        tensors = self.exec_inputs()
        self.run_program(*self.exec_unet(tensors, "--tap", "conv_in", "--tap", "down_blocks.0"))
        header, _ = read_header(self.folder / "out.safetensors")
        self.assertEqual(header["out_sample"]["shape"], tensors["sample"][1])
        self.assertEqual(header["conv_in"]["shape"][2:], tensors["sample"][1][2:])
        self.assertIn("down_blocks.0", header)

    def test_exec_names_what_is_wrong(self):
        tensors = self.exec_inputs()
        self.expect_error(*self.exec_unet(tensors, "--tap", "conv_inn"), says='did you mean "conv_in"')
        missing = {name: value for name, value in tensors.items() if name != "timestep"}
        self.expect_error(*self.exec_unet(missing), says=["timestep", "missing"])
        dtype, shape, data = tensors["encoder_hidden_states"]
        wrong = {**tensors, "encoder_hidden_states": (dtype, shape[:2] + [shape[2] // 2], data[: len(data) // 2])}
        self.expect_error(*self.exec_unet(wrong), says=["encoder_hidden_states", "expected"])
        ids = self.folder / "ids.safetensors"
        ids.write_bytes(safetensors({"input_ids": ("I64", [1, 2], struct.pack("<qq", 101, 30522))}))
        self.expect_error("exec", MODEL, "text_encoder", "--inputs", ids, "--outputs", self.folder / "out.safetensors",
                          says=["input_ids", "30522", "expected 0 to 30521"])
        self.expect_error("exec", UNET, "unett", "--inputs", "a", "--outputs", "b", says="unett")
        self.expect_error("exec", UNET, "unet", "--inputs", "/no/file", "--outputs", "b", says="/no/file")
        self.assertFalse((self.folder / "out.safetensors").exists())

    def test_exec_blames_the_file_that_is_at_fault(self):
        tensors = self.exec_inputs()
        command = self.exec_unet({**tensors, "extra": tensors["timestep"]})
        self.expect_error(*command, says=["in.safetensors", "extra"])
        broken = self.folder / "broken"
        shutil.copytree(UNET, broken)
        config = json.loads((broken / "config.json").read_text())
        (broken / "config.json").write_text(json.dumps({**config, "resnet_skip_time_act": True}))
        command = (command[0], broken, *command[2:])
        self.expect_error(*command, says=["config.json", "resnet_skip_time_act"])
        _, stderr = self.run_program(*command, code=1)
        self.assertNotIn("in.safetensors", stderr)

    def test_exec_takes_text_states_for_a_network_without_attention(self):
        plain = UNET.parent / "plain_only"
        tensors = self.exec_inputs(plain)
        inputs, outputs = self.folder / "in.safetensors", self.folder / "out.safetensors"
        self.assertIn("encoder_hidden_states", tensors)
        inputs.write_bytes(safetensors(tensors))
        self.run_program("exec", plain, "unet", "--inputs", inputs, "--outputs", outputs)
        self.assertTrue(outputs.exists())

    def test_exec_runs_the_folder_of_a_bert_network(self):
        inputs, outputs = self.folder / "ids.safetensors", self.folder / "out.safetensors"
        inputs.write_bytes(safetensors({"input_ids": ("I64", [1, 2], struct.pack("<qq", 101, 102))}))
        self.run_program("exec", MODEL / "text_encoder", "text_encoder", "--inputs", inputs, "--outputs", outputs)
        header, _ = read_header(outputs)
        self.assertEqual(header["last_hidden_state"]["shape"][:2], [1, 2])

    def test_inspect(self):
        report = json.loads(self.run_program("inspect", MODEL, "--json")[0])
        self.assertEqual(report["complaints"], [])
        unet = next(network for network in report["networks"] if network["role"] == "unet")
        self.assertGreater(unet["parameters"], 13e6)
        self.assertGreater(unet["macs"], 0)
        self.assertIn("conv_in", self.run_program("inspect", UNET, "--size", "128x128", "--graph", "unet")[0])
        self.assertIn("UNet2DConditionModel", self.run_program("inspect", UNET)[0])

    def test_tokenize(self):
        lines = self.folder / "lines.jsonl"
        lines.write_text('{"text": "a red apple"}\n\n{"text": "caf\\u00e9"}\n')
        stdout, _ = self.run_program("tokenize", MODEL, "a red apple", "--file", lines)
        rows = [json.loads(line) for line in stdout.splitlines()]
        self.assertEqual([row["text"] for row in rows], ["a red apple", "a red apple", "café"])
        self.assertEqual(rows[0]["ids"], rows[1]["ids"])
        self.assertEqual((rows[0]["ids"][0], rows[0]["ids"][-1]), (101, 102))
        lines.write_text('{"txt": 1}\n')
        self.expect_error("tokenize", MODEL, "--file", lines, says=["line 1", "text"])

    def test_results_that_cannot_be_printed_are_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "inspect", MODEL], stdout=full, stderr=subprocess.PIPE, timeout=300)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"\Aedgefusion: error: standard output: .*No space left[^\n]*\n\Z")

    def test_kernels_and_bench(self):
        capped = json.loads(self.run_program("kernels", "--json", environment={"EDGEFUSION_ISA": "scalar"})[0])
        self.assertEqual(capped["used"], "scalar")
        self.assertTrue(all("scalar" in k["name"] for k in capped["kernels"] if k["chosen"]))
        report = json.loads(self.run_program(
            "bench", "--network", "text_encoder", "--size", "64x64", "--repeat", "1", "--per-op", "--json")[0])
        for key in ("networks", "whole", "load_ms", "peak_rss_mb", "isa", "threads"):
            self.assertIn(key, report)
        self.assertAlmostEqual(report["networks"]["text_encoder"]["gmac"], 6.65, delta=0.1)

    def test_wrong_usage_is_2_and_help_has_an_example(self):
        for arguments, says, help in (
            ([], "subcommand", "edgefusion --help"),
            (["paint"], ['"paint"', "Known: generate, inspect"], "edgefusion --help"),
            (["generat"], 'did you mean "generate"', "edgefusion --help"),
            (["generate"], "--prompt", "edgefusion generate --help"),
            (["generate", "-p"], "--prompt", "edgefusion generate --help"),
            (["generate", "-p", "a", "--no-such-option"], "--no-such-option", "edgefusion generate --help"),
            (["generate", "-p", "a", "--steps", "two"], ["--steps", "two"], "edgefusion generate --help"),
            (["generate", "-p", "a", "-s", str(1 << 64)], ["--seed", str(1 << 64)], "edgefusion generate --help"),
            (["generate", "-p", "a", "-s", "7x"], ["--seed", "7x"], "edgefusion generate --help"),
            (["generate", "-p", "a", "--rng", "tpu"], ["--rng", "tpu"], "edgefusion generate --help"),
            (["tokenize", MODEL], "--file", "edgefusion tokenize --help"),
            (["bench", "--arch", "sd9\n"], "--arch", "edgefusion bench --help"),
        ):
            with self.subTest(arguments=arguments):
                stdout, stderr = self.run_program(*arguments, code=2)
                self.assertEqual(stdout, "")
                self.assertRegex(stderr, r"\Aedgefusion: error: [^\n]+ \(see " + help + r"\)\n\Z")
                for word in [says] if isinstance(says, str) else says:
                    self.assertIn(word, stderr)
        for command in ("generate", "inspect", "exec", "tokenize", "bench", "kernels"):
            self.assertIn("Example: ", self.run_program(command, "--help")[0])
        self.assertIn("edgefusion ", self.run_program("--version")[0])


if __name__ == "__main__":
    unittest.main()
