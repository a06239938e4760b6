#!/usr/bin/env python3
"""The program as a user meets it: good commands, wrong usage, and every kind of bad input.

Needs EDGEFUSION (the program) and EDGEFUSION_SOURCE (the source tree); standard library only.
"""

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
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


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ef_e2e_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, *arguments, code=0, environment=None, **options):
        done = subprocess.run(
            [PROGRAM, *map(os.fsencode, arguments)],
            capture_output=True,
            env={**os.environ, **(environment or {})},
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


class Generate(Case):
    def test_paints_a_picture_that_carries_its_settings(self):
        out = self.folder / "a.png"
        stdout, stderr = self.generate("-s", "7", "-o", out)
        self.assertEqual(stdout.strip(), str(out))
        self.assertIn("decoder", stderr)
        chunks = dict(png_chunks(out))
        self.assertEqual(struct.unpack(">II", chunks[b"IHDR"][:8]), (128, 128))
        text = chunks[b"tEXt"].decode("latin-1")
        self.assertTrue(text.startswith("parameters\0a red apple\nSteps: 1, Sampler: lcm"))
        self.assertIn("Seed: 7, Size: 128x128", text)

    def test_same_seed_same_bits_for_any_number_of_threads(self):
        pictures = []
        for threads in ("1", "2", "3"):
            out = self.folder / (threads + ".png")
            self.generate("-s", "5", "--threads", threads, "-o", out)
            pictures.append(out.read_bytes())
        self.assertEqual(pictures[0], pictures[1])
        self.assertEqual(pictures[0], pictures[2])

    def test_a_batch_has_numbered_files_and_latents_of_all(self):
        latents = self.folder / "l.safetensors"
        self.generate("-b", "2", "-s", "1", "-o", self.folder / "x.png", "--save-latents", latents)
        self.assertTrue((self.folder / "x-1.png").exists() and (self.folder / "x-2.png").exists())
        header, _ = read_header(latents)
        self.assertEqual(header["latents"]["shape"], [2, 4, 16, 16])
        self.assertEqual(header["latents"]["dtype"], "F32")

    def test_seed_per_image_gives_the_picture_of_the_next_seed(self):
        self.generate("-b", "2", "-s", "1", "--seed-per-image", "-o", self.folder / "x.png", "--save-latents", self.folder / "b")
        self.generate("-s", "2", "-o", self.folder / "y.png", "--save-latents", self.folder / "s")
        both, single = read_header(self.folder / "b")[1], read_header(self.folder / "s")[1]
        for i in range(0, len(single), 4):
            a = struct.unpack("<f", both[len(single) + i : len(single) + i + 4])[0]
            b = struct.unpack("<f", single[i : i + 4])[0]
            self.assertAlmostEqual(a, b, delta=1e-4)
        for file, seed in (("x-1.png", b"Seed: 1,"), ("x-2.png", b"Seed: 2,")):
            self.assertIn(seed, dict(png_chunks(self.folder / file))[b"tEXt"])

    def test_every_scheduler_paints(self):
        for name in ("lcm", "ddim", "euler", "euler_karras", "euler_a", "dpmpp2m", "dpmpp2m_karras", "pndm"):
            self.run_program("generate", "-p", "a", "--scheduler", name, "-s", "1", "--steps", "4",
                             "-o", self.folder / (name + ".png"))

    def test_json_preview_cuda_noise_guidance_and_size(self):
        out = self.folder / "a.png"
        stdout, _ = self.run_program(
            "generate", "-p", "a cat", "-n", "a dog", "--cfg-scale", "2", "--steps", "2", "-s", "3", "-W", "72",
            "-H", "104", "--rng", "cuda", "--preview", "--json", "--memory-limit", "10G", "-o", out)
        report = json.loads(stdout)
        self.assertEqual((report["seed"], report["steps"], report["width"], report["height"]), (3, 2, 72, 104))
        self.assertEqual(report["files"], [str(out)])
        self.assertTrue((self.folder / "a.preview.png").exists())

    def test_odd_prompts(self):
        self.run_program("generate", "-p", "", "--steps", "1", "-o", self.folder / "a.png")
        _, stderr = self.run_program(
            "generate", "-p", "apple " * 17000, "--steps", "1", "-o", self.folder / "b.png")
        self.assertIn("did not fit and were cut", stderr)
        self.expect_error("generate", "-p", b"ab\xff", "-o", self.folder / "c.png", says=["prompt", "UTF-8"])
        self.assertFalse((self.folder / "c.png").exists())

    def test_bad_options(self):
        for option, value, says in (
            ("--steps", "0", "0"),
            ("--steps", "10001", "10001"),
            ("-W", "100", ["width 100", "multiple of 8"]),
            ("-b", "0", "batch 0"),
            ("--clip-skip", "1", "clip_skip"),
            ("-n", b"ab\xff", ["negative prompt", "UTF-8"]),
            ("--scheduler", "eulr", 'did you mean "euler"'),
            ("--precision", "int3", ["int3", "f32"]),
            ("--memory-limit", "3M", ["memory limit 3 MiB", "U-Net", "in use already"]),
            ("--memory-limit", "lots", ["lots", "900M"]),
            ("-m", "/no/such/model", "/no/such/model"),
            ("-o", "/no/such/folder/a.png", "/no/such/folder"),
            ("-o", "", "name of a file"),
            ("-o", "/dev/full", "No space left"),
            ("-o", str(self.folder), "folder"),
            ("--save-latents", "/dev/full", "No space left"),
        ):
            with self.subTest(option=option, value=value):
                arguments = ["generate", "-p", "a", option, value]
                if option != "-o":
                    arguments += ["-o", self.folder / "out.png"]
                self.expect_error(*arguments, says=says)
                self.assertEqual(list(self.folder.iterdir()), [])
        self.expect_error("generate", "-p", "a", "-o", self.folder / "a.png",
                          environment={"EDGEFUSION_ISA": "mmx"}, says=["EDGEFUSION_ISA", "mmx"])

    def test_a_file_over_its_size_limit_leaves_nothing_behind(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        self.expect_error("generate", "-p", "a", "-o", self.folder / "a.png", says="a.png", preexec_fn=limit)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_full_disk_leaves_nothing_behind(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True).returncode == 0
        if not mounted:
            self.skipTest("cannot mount a tmpfs here (needs root)")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        older = disk / "older.png"
        older.write_bytes(b"kept")
        # Latents of 8 KiB fit beside it, two pictures of some 20 kB do not.
        self.expect_error("generate", "-p", "a", "-s", "1", "-b", "2", "-o", disk / "a.png",
                          "--save-latents", disk / "l", says=["a-1.png", "No space left"])
        self.expect_error("generate", "-p", "a", "-s", "1", "-o", older, says=["older.png", "No space left"])
        self.assertEqual(list(disk.iterdir()), [older])
        self.assertEqual(older.read_bytes(), b"kept")

    def test_interrupt_ends_with_130_and_no_file(self):
        out = self.folder / "a.png"
        process = subprocess.Popen(
            [PROGRAM, "generate", "-p", "a", "--scheduler", "ddim", "--steps", "500", "-W", "512", "-H", "512", "-o", out],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertFalse(out.exists())


class Convert(Case):
    def latents(self, model, *arguments):
        saved = self.folder / "l.safetensors"
        self.run_program("generate", "-m", model, "-p", "a red apple", "--steps", "1", "-s", "7", *arguments,
                         "-o", self.folder / "a.png", "--save-latents", saved)
        return saved.read_bytes()

    def test_a_bundle_is_the_model_wherever_a_model_is_named(self):
        bundle, back = self.folder / "m.safetensors", self.folder / "back"
        self.run_program("convert", MODEL, "-o", bundle)
        self.assertEqual(self.latents(bundle), self.latents(MODEL))
        ids = [self.run_program("tokenize", model, "a red apple")[0] for model in (MODEL, bundle)]
        self.assertEqual(ids[0], ids[1])
        reports = []
        for model in (MODEL, bundle):
            report = json.loads(self.run_program("inspect", model, "--json")[0])
            reports.append({key: value for key, value in report.items() if key not in ("path", "model")})
        self.assertEqual(*reports)
        self.run_program("convert", bundle, "-o", back)
        for path in MODEL.rglob("*"):
            if path.is_dir() or path.name.startswith(("golden", "sheet")):
                continue
            if path.suffix == ".safetensors":
                self.assertEqual(read_header(back / path.relative_to(MODEL))[1], read_header(path)[1])
            else:
                self.assertEqual((back / path.relative_to(MODEL)).read_bytes(), path.read_bytes())

    def test_a_packed_bundle_paints_the_same(self):
        packed = self.folder / "p.safetensors"
        self.run_program("convert", MODEL, "-o", packed, "--pack", "scalar", "--precision", "f32")
        header, _ = read_header(packed)
        regions = [name for name in header if name.startswith("packed/")]
        self.assertGreaterEqual(len(regions), 3)
        base = 8 + struct.unpack("<Q", packed.read_bytes()[:8])[0]
        for name in regions:
            self.assertEqual((base + header[name]["data_offsets"][0]) % 64, 0)
        scalar = {"EDGEFUSION_ISA": "scalar"}
        for environment in (scalar, {}):
            pictures = []
            for model in (MODEL, packed):
                self.generate("-m", model, "-s", "7", "--precision", "f32", "-o", self.folder / "a.png",
                              environment=environment)
                pictures.append(dict(png_chunks(self.folder / "a.png"))[b"IDAT"])
            self.assertEqual(*pictures)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.png", "p.safetensors"])

    def test_types(self):
        bundle = self.folder / "m.safetensors"
        for kind in ("f32", "f16", "bf16"):
            self.run_program("convert", MODEL, "-o", bundle, "--type", kind)
            header, _ = read_header(bundle)
            kinds = {value["dtype"] for name, value in header.items() if name.startswith("unet/")}
            self.assertEqual(kinds, {kind.upper()})
            self.latents(bundle)

    def test_bad_conversions(self):
        out = self.folder / "m.safetensors"
        self.expect_error("convert", "/no/such", "-o", out, says="/no/such")
        self.expect_error("convert", MODEL, "-o", self.folder, says="exists")
        self.expect_error("convert", MODEL, "-o", self.folder / "x", "--pack", "scalar", says="*.safetensors")
        self.expect_error("convert", MODEL, "-o", out, "--pack", "mmx", says=["--pack", "mmx"])
        self.expect_error("convert", MODEL, "-o", "/no/such/m.safetensors", says="/no/such")
        other = MODEL / "unet" / "diffusion_pytorch_model.safetensors"
        self.expect_error("generate", "-m", other, "-p", "a", "-o", self.folder / "a.png", says="edgefusion_bundle")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_bundle_cannot_reach_outside(self):
        text = b"{}"
        for name in ("files/../evil", "files//etc/passwd", "files/a/./b", "files/"):
            path = self.folder / "m.safetensors"
            header = {"__metadata__": {"edgefusion_bundle": "1"},
                      name: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}
            raw = json.dumps(header).encode()
            path.write_bytes(struct.pack("<Q", len(raw)) + raw + text)
            self.expect_error("convert", path, "-o", self.folder / "out", says="inside of the model")
            self.assertEqual(list(self.folder.iterdir()), [path])


class BadModels(Case):
    def expect_model_error(self, model, says):
        self.expect_error("generate", "-m", model, "-p", "a", "-o", self.folder / "a.png", says=says)
        self.assertFalse((self.folder / "a.png").exists())

    def spoil_weights(self, change):
        model = self.model_copy()
        path = model / "vae" / "diffusion_pytorch_model.safetensors"
        path.write_bytes(change(path.read_bytes()))
        return model

    def spoil_header(self, change):
        def rewrite(raw):
            size = struct.unpack("<Q", raw[:8])[0]
            header = json.loads(raw[8 : 8 + size])
            change(header)
            text = json.dumps(header).encode()
            return struct.pack("<Q", len(text)) + text + raw[8 + size :]

        return self.spoil_weights(rewrite)

    def test_truncated(self):
        self.expect_model_error(self.spoil_weights(lambda raw: raw[:-100]), "diffusion_pytorch_model.safetensors")

    def test_header_beyond_the_file(self):
        self.expect_model_error(self.spoil_weights(lambda raw: struct.pack("<Q", 1 << 40) + raw[8:]), "header")

    def test_overlap_and_hole(self):
        def shift(header, by):
            name = sorted(n for n in header if n != "__metadata__")[3]
            begin, end = header[name]["data_offsets"]
            header[name]["data_offsets"] = [begin + by, end + by]

        for by in (-2, 2):
            with self.subTest(by=by):
                self.expect_model_error(self.spoil_header(lambda header: shift(header, by)), "vae")
                shutil.rmtree(self.folder / "model")

    def test_missing_and_unused_tensors_are_told_together(self):
        def rename(header):
            names = sorted(n for n in header if n.endswith("bias"))
            header["stranger"] = header.pop(names[0])
            header["stranger2"] = header.pop(names[1])

        self.expect_model_error(self.spoil_header(rename), ["missing", "stranger", "stranger2"])

    def test_wrong_shape(self):
        def reshape(header):
            name = next(n for n in sorted(header) if n.endswith("weight") and len(header[n]["shape"]) == 4)
            header[name]["shape"] = header[name]["shape"][::-1]

        self.expect_model_error(self.spoil_header(reshape), ["shape", "expected"])

    def test_not_a_number_is_told_and_not_painted(self):
        def poison(raw):
            size = struct.unpack("<Q", raw[:8])[0]
            return raw[: 8 + size] + b"\xff\x7f" * ((len(raw) - 8 - size) // 2)

        self.expect_model_error(self.spoil_weights(poison), ["vae", "finite"])

    def test_broken_configs(self):
        model = self.model_copy()
        for file, text, says in (
            ("unet/config.json", "{", "unet/config.json"),
            ("unet/config.json", '{"_class_name": "Nonsense"}', "unet/config.json"),
            ("vae/config.json", '{"_class_name": "AutoencoderMagic"}', "AutoencoderMagic"),
            ("model_index.json", '{"_class_name": "StableDiffusionXLPipeline"}', "StableDiffusionXLPipeline"),
            ("scheduler/scheduler_config.json", "[]", "scheduler_config.json"),
            ("edgefusion.json", '{"default_step": 3}', "default_step"),
            ("tokenizer/vocab.txt", "", "tokenizer"),
        ):
            with self.subTest(file=file):
                kept = (model / file).read_bytes()
                (model / file).write_text(text)
                self.expect_model_error(model, says)
                (model / file).unlink()
                self.expect_model_error(model, model.name) if file != "edgefusion.json" else None
                (model / file).write_bytes(kept)


class OtherCommands(Case):
    def exec_inputs(self):
        """The inputs of the first golden run, under their exec names."""
        header, data = read_header(UNET / "golden.safetensors")
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
