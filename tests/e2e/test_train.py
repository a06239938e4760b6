#!/usr/bin/env python3
"""train: from shards to a checkpoint that paints, from texts to an encoder of them."""

import io
import json
import random
import shutil
import signal
import string
import subprocess
import tarfile
import time
import unittest

from case import PROGRAM, SOURCE, Case

MODEL = SOURCE / "tests" / "goldens" / "pipelines" / "sd"
PICTURE = "models/emoji-v0/sheet-4-steps.png"


class Train(Case):
    def write_config(self, **changes):
        picture = (SOURCE / PICTURE).read_bytes()
        with tarfile.open(self.folder / "a.tar.gz", "w:gz") as shard:
            for name, data in {"0.png": picture, "0.txt": b"eight pictures", "1.png": b"x", "1.txt": b"broken"}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))
        config = {"model": str(MODEL), "shards": ["a.tar.gz"], "resolution": 32, "batch": 2, "steps": 3,
                  "out": "out", "log_every": 1, **changes}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return path

    def test_finetune_leaves_metrics_and_a_model_that_paints(self):
        _, stderr = self.run_program("train", "finetune", self.write_config())
        self.assertIn("1.png", stderr)
        lines = [json.loads(line) for line in (self.folder / "out/metrics.jsonl").read_text().splitlines()]
        self.assertEqual([line["step"] for line in lines], [1, 2, 3])
        checkpoint = self.folder / "out" / "checkpoint-00000003"
        self.run_program("generate", "-m", checkpoint, "-p", "eight", "--steps", "2", "-W", "32", "-H", "32",
                         "-o", self.folder / "a.png")
        self.assertTrue((self.folder / "a.png").exists())
        self.run_program("train", "finetune", self.write_config(steps=5), "--resume")
        self.assertTrue((self.folder / "out" / "checkpoint-00000005").exists())

    def kill_at_a_random_moment(self, config, *arguments):
        """Starts a run without end and kills it up to half a second after its next checkpoint."""
        out = self.folder / "out"
        before = set(out.glob("checkpoint-????????"))
        with subprocess.Popen([PROGRAM, "train", "finetune", config, "--threads", "1", *arguments],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and set(out.glob("checkpoint-????????")) <= before:
                time.sleep(0.005)
            time.sleep(random.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        newest = max(path.name for path in out.glob("checkpoint-????????"))
        return int(newest.removeprefix("checkpoint-"))

    def test_a_run_that_is_killed_again_and_again_ends_where_one_that_is_not_does(self):
        fields = {"checkpoint_every": 1, "learning_rate": 1e-3, "noise_offset": 0.1, "caption_dropout": 0.5}
        endless = self.write_config(steps=1000000, **fields)
        self.kill_at_a_random_moment(endless)
        steps = self.kill_at_a_random_moment(endless, "--resume") + 2
        self.run_program("train", "finetune", self.write_config(steps=steps, **fields), "--threads", "1", "--resume")
        whole = self.write_config(steps=steps, **{**fields, "out": "whole", "checkpoint_every": steps})
        self.run_program("train", "finetune", whole, "--threads", "1")
        name = f"checkpoint-{steps:08}"
        for file in ("unet/diffusion_pytorch_model", "training/parameters", "training/average", "training/optimizer"):
            killed, straight = (self.folder / out / name / f"{file}.safetensors" for out in ("out", "whole"))
            self.assertEqual(killed.read_bytes(), straight.read_bytes(), f"{file} after {steps} steps")
        lines = (self.folder / "out" / "metrics.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["step"] for line in lines], list(range(1, steps + 1)))

    def test_autoencoder_leaves_one_that_pipelines_can_use(self):
        config = self.write_config(val_shards=["a.tar.gz"], crop=16)
        settings = json.loads(config.read_text())
        del settings["model"]
        config.write_text(json.dumps(settings))
        stdout, _ = self.run_program("train", "autoencoder", config, "--dry-run")
        self.assertIn("parameters", stdout)
        stdout, _ = self.run_program("train", "autoencoder", config)
        self.assertRegex(stdout, r"1 pictures: PSNR \d+\.\d+ dB")
        out = self.folder / "out"
        for name in ("report.json", "sheet.png", "loss.png", "checkpoint-00000003/config.json"):
            self.assertTrue((out / name).exists(), name)
        stdout, _ = self.run_program("inspect", out / "checkpoint-00000003")
        self.assertIn("AutoencoderTiny", stdout)
        self.expect_error("train", "autoencoder", self.write_config(crop=16), says=["model", "field"])

    def test_a_dry_run_writes_nothing(self):
        stdout, _ = self.run_program("train", "finetune", self.write_config(), "--dry-run")
        self.assertIn("parameters", stdout)
        self.assertFalse((self.folder / "out").exists())

    def test_what_is_wrong_is_told_in_a_line(self):
        self.expect_error("train", "finetune", self.write_config(lerning_rate=1), says=["config.json", "learning_rate"])
        self.expect_error("train", "finetune", self.write_config(shards=["none.tar"]), says="none.tar")
        self.expect_error("train", "finetune", self.write_config(), "--resume", says="no checkpoint")
        self.expect_error("train", "finetune", "/no/config.json", says="/no/config.json")

    def write_text_config(self, **changes):
        """Of a teacher with the small BERT and a vocabulary of letters."""
        teacher = self.folder / "teacher"
        if not teacher.exists():
            shutil.copytree(SOURCE / "tests" / "goldens" / "text_encoder" / "bert", teacher / "text_encoder")
            (teacher / "tokenizer").mkdir()
            letters = [mark + letter for letter in string.ascii_lowercase for mark in ("", "##")]
            tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
            (teacher / "tokenizer" / "vocab.txt").write_text("".join(token + "\n" for token in tokens))
            (teacher / "tokenizer" / "tokenizer_config.json").write_text('{"model_max_length": 24}')
            (self.folder / "lines.txt").write_text("a red fox\nred foxes\na blue whale\nblue whales\n" * 5)
        config = {"teacher": "teacher", "texts": ["lines.txt"], "layers": 2, "vocabulary_size": 100, "batch": 4,
                  "steps": 3, "out": "text", "log_every": 1, **changes}
        path = self.folder / "text.json"
        path.write_text(json.dumps(config))
        return path

    def test_text_leaves_a_smaller_encoder_with_its_tokenizer(self):
        stdout, _ = self.run_program("train", "text", self.write_text_config(), "--dry-run")
        self.assertIn("parameters", stdout)
        stdout, _ = self.run_program("train", "text", self.write_text_config())
        self.assertIn("parameters", stdout)
        report = json.loads((self.folder / "text" / "report.json").read_text())
        self.assertGreater(report["parameters"], 0)
        checkpoint = self.folder / "text" / "checkpoint-00000003"
        self.run_program("inspect", checkpoint / "text_encoder")
        self.assertTrue((checkpoint / "tokenizer" / "vocab.txt").exists())
        self.run_program("train", "text", self.write_text_config(steps=4), "--resume")
        self.assertTrue((self.folder / "text" / "checkpoint-00000004").exists())
        self.expect_error("train", "text", self.write_text_config(layers=9), "--resume", says="layers: 9")
        self.expect_error("train", "text", self.write_text_config(teacher=str(MODEL)), says="BertModel")

    def test_image_text_leaves_a_model_that_eval_judges_with(self):
        self.write_config()
        self.write_text_config()
        network = {"image_size": 16, "widths": [8, 16], "blocks": [1, 0], "norm_groups": 4, "pool_heads": 2,
                   "embedding_width": 8, "text_tokens": 16}
        config = {"text_model": "teacher", "shards": ["a.tar.gz"], "val_shards": ["a.tar.gz"], "network": network,
                  "batch": 2, "steps": 2, "out": "judge"}
        path = self.folder / "judge.json"
        path.write_text(json.dumps(config))
        stdout, _ = self.run_program("train", "image_text", path, "--dry-run")
        self.assertIn("parameters", stdout)
        self.assertFalse((self.folder / "judge").exists())
        stdout, _ = self.run_program("train", "image_text", path)
        self.assertIn("unseen pictures", stdout)
        report = json.loads((self.folder / "judge" / "report.json").read_text())
        self.assertEqual(report["val"]["pictures"], 1)
        checkpoint = self.folder / "judge" / "checkpoint-00000002"
        stdout, _ = self.run_program("eval", "clip", "--scorer", checkpoint, self.folder / "a.tar.gz", "--json")
        self.assertEqual(json.loads(stdout)["pictures"], 1)
        stdout, _ = self.run_program("inspect", checkpoint)
        self.assertIn("image_encoder", stdout)
        path.write_text(json.dumps({**config, "network": {**network, "poll_heads": 2}}))
        self.expect_error("train", "image_text", path, "--resume", says="poll_heads")


if __name__ == "__main__":
    unittest.main()
