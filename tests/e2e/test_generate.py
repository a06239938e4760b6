#!/usr/bin/env python3
"""generate as a user meets it: good commands, bad options, full disks, interrupts."""

import json
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest

from case import PROGRAM, Case, png_chunks, png_rows, read_header


def mean_of(rows):
    pixels = [pixel for row in rows for pixel in row]
    return [sum(pixel[channel] for pixel in pixels) / len(pixels) for channel in range(3)]


class Generate(Case):
    def test_paints_a_picture_that_carries_its_settings(self):
        out = self.folder / "a.png"
        stdout, stderr = self.generate("-s", "7", "-o", out)
        self.assertEqual(stdout.strip(), str(out))
        self.assertIn("decoder", stderr)
        chunks = dict(png_chunks(out))
        self.assertEqual(struct.unpack(">II", chunks[b"IHDR"][:8]), (256, 256))
        text = chunks[b"tEXt"].decode("latin-1")
        self.assertTrue(text.startswith("parameters\0a red apple\nSteps: 1, Sampler: lcm"))
        self.assertIn("Seed: 7, Size: 256x256", text)

    def test_the_default_model_paints_what_it_is_asked_for(self):
        # Of three seeds two at least: what a small model paints is not always what it should be.
        for prompt, channel in (("a red apple", 0), ("a blue car", 2)):
            right = 0
            for seed in ("1", "2", "3"):
                out = self.folder / "a.png"
                self.run_program("generate", "-p", prompt, "-s", seed, "-o", out)
                rows = png_rows(out)
                corner, middle = rows[4][4], mean_of([row[96:160] for row in rows[96:160]])
                others = [value for i, value in enumerate(middle) if i != channel]
                right += min(corner) > 225 and middle[channel] > 25 + max(others)
            self.assertGreaterEqual(right, 2, prompt)

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
            "generate", "-p", "a cat", "-n", "a dog", "--cfg-scale", "2", "--steps", "2", "-s", "3", "-W", "80",
            "-H", "112", "--rng", "cuda", "--preview", "--json", "--memory-limit", "10G", "-o", out)
        report = json.loads(stdout)
        self.assertEqual((report["seed"], report["steps"], report["width"], report["height"]), (3, 2, 80, 112))
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
            ("-W", "100", ["width 100", "multiple of 16"]),
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


if __name__ == "__main__":
    unittest.main()
