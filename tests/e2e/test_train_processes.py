#!/usr/bin/env python3
"""train in several processes: the same as one with a larger batch; one that dies ends the others."""

import io
import json
import os
import shutil
import signal
import socket
import string
import struct
import subprocess
import tarfile
import time
import unittest

from case import PROGRAM, SOURCE, Case, read_header

MODEL = SOURCE / "tests" / "goldens" / "pipelines" / "sd"
LIMIT = 120  # seconds that a process may take to end


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tensors(path):
    header, data = read_header(path)
    for name, record in header.items():
        if name == "__metadata__":
            continue
        begin, end = record["data_offsets"]
        assert record["dtype"] == "F32", name
        yield name, struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])


class Processes(Case):
    def setUp(self):
        super().setUp()
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            process.kill()
            process.communicate()

    def write_json(self, config):
        path = self.folder / f"{config['out']}.json"
        path.write_text(json.dumps(config))
        return path

    def write_shard(self):
        picture = (SOURCE / "models/emoji-v0/sheet-4-steps.png").read_bytes()
        with tarfile.open(self.folder / "a.tar", "w") as shard:
            for i in range(5):
                for name, data in {f"{i}.png": picture, f"{i}.txt": f"picture {i}".encode()}.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    shard.addfile(entry, io.BytesIO(data))

    def write_config(self, out, batch, **changes):
        self.write_shard()
        config = {"model": str(MODEL), "shards": ["a.tar"], "resolution": 32, "batch": batch, "steps": 4,
                  "accumulate": 2, "noise_offset": 0.1, "learning_rate": 1e-3, "out": out, "log_every": 2,
                  "process_timeout_s": 60, **changes}
        return self.write_json(config)

    def write_autoencoder_config(self, out, batch):
        """Whose moments differ much between small batches."""
        self.write_shard()
        blocks, widths = [1, 1, 1, 1], [8, 8, 8, 8]
        network = {"num_encoder_blocks": blocks, "num_decoder_blocks": blocks,
                   "encoder_block_out_channels": widths, "decoder_block_out_channels": widths}
        return self.write_json({"network": network, "shards": ["a.tar"], "resolution": 32, "crop": 16,
                                "batch": batch, "steps": 4, "accumulate": 2, "moments_weight": 1,
                                "learning_rate": 1e-3, "out": out, "log_every": 2})

    def write_text_config(self, out, batch):
        """Of short captions and long lines, a share of which does not fill a batch of odd size."""
        teacher, wordnet = self.folder / "teacher", self.folder / "wordnet"
        if not teacher.exists():
            shutil.copytree(SOURCE / "tests/goldens/text_encoder/bert", teacher / "text_encoder")
            (teacher / "tokenizer").mkdir()
            letters = [mark + letter for letter in string.ascii_lowercase for mark in ("", "##")]
            tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
            (teacher / "tokenizer/vocab.txt").write_text("".join(token + "\n" for token in tokens))
            (teacher / "tokenizer/tokenizer_config.json").write_text('{"model_max_length": 24}')
            (self.folder / "lines.txt").write_text("".join(letter + "\n" for letter in string.ascii_lowercase))
            wordnet.mkdir()
            entries = (f"0 05 n 01 fox{letter} 0 000 | a red or a blue one that is by a b c d\n"
                       for letter in string.ascii_lowercase)
            (wordnet / "data.noun").write_text("".join(entries))
        return self.write_json({"teacher": "teacher", "texts": ["lines.txt"], "wordnet": "wordnet",
                                "held_out_words": 0, "layers": 2, "vocabulary_size": 100, "batch": batch,
                                "steps": 4, "accumulate": 2, "learning_rate": 1e-3, "out": out, "log_every": 2})

    def start(self, config, rank, port, *arguments, size=2, task="finetune"):
        environment = {**os.environ, "EDGEFUSION_CACHE": "off", "OMP_NUM_THREADS": "1", "RANK": str(rank),
                       "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        process = subprocess.Popen([PROGRAM, "train", task, config, "--threads", "1", *arguments],
                                   env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.running.append(process)
        return process

    def start_two(self, config, *arguments, **options):
        port = free_port()
        return [self.start(config, rank, port, *arguments, **options) for rank in range(2)]

    def finish(self, process, code=0):
        stderr = process.communicate(timeout=LIMIT)[1].decode()
        self.assertEqual(process.returncode, code, stderr)
        return stderr

    def wait_for(self, path):
        begin = time.monotonic()
        while not path.exists():
            self.assertLess(time.monotonic() - begin, LIMIT, f"{path} does not come")
            time.sleep(0.01)

    def metrics(self, out):
        lines = (self.folder / out / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def expect_two_to_be_one(self, task, write, batch, without_gradient=()):
        """Two processes with `batch` learn what one with twice as much learns, to rounding."""
        first, second = self.start_two(write("two", batch), task=task)
        self.assertIn("step 4/4", self.finish(first))
        self.assertEqual(self.finish(second), "")  # the first speaks for both
        self.run_program("train", task, write("one", 2 * batch), "--threads", "1")
        for a, b in zip(self.metrics("two"), self.metrics("one"), strict=True):
            self.assertEqual(a["step"], b["step"])
            values = {**b.get("terms", {}), "loss": b["loss"], "gradient_norm": b["gradient_norm"]}
            for field, value in values.items():
                self.assertAlmostEqual({**a, **a.get("terms", {})}[field], value, delta=1e-4 * abs(value), msg=field)
        for name in "parameters", "average":
            file = f"checkpoint-00000004/training/{name}.safetensors"
            one = dict(tensors(self.folder / "one" / file))
            two = dict(tensors(self.folder / "two" / file))
            self.assertEqual(one.keys(), two.keys())
            learned = [key for key in one if not key.endswith(without_gradient or "?")]
            differences = [abs(x - y) for key in learned for x, y in zip(one[key], two[key])]
            # Other samples give 1e-3 in the mean. AdamW divides by the gradient's size: where that is
            # next to nothing, rounding moves a parameter as far as learning does.
            self.assertLess(sum(differences) / len(differences), 1e-6)
            moved = sum(difference > 1e-5 for difference in differences)
            self.assertLess(moved, len(differences) / 500, f"{moved} of {len(differences)}")

    def test_two_processes_are_one_with_twice_the_batch(self):
        self.expect_two_to_be_one("finetune", self.write_config, 2)

    def test_the_moments_of_an_autoencoder_are_those_of_all_processes(self):
        self.expect_two_to_be_one("autoencoder", self.write_autoencoder_config, 1)

    def test_texts_count_alike_in_whichever_process_they_are(self):
        # Attention does not change with what all its keys have in common.
        self.expect_two_to_be_one("text", self.write_text_config, 3, without_gradient=(".key.bias",))

    def test_one_that_is_killed_ends_the_other_and_resume_goes_on(self):
        config = self.write_config("out", 2, steps=100000, checkpoint_every=2)
        first, second = self.start_two(config)
        self.wait_for(self.folder / "out" / "checkpoint-00000002")
        second.kill()
        begin = time.monotonic()
        stderr = self.finish(first, code=1)
        self.assertLess(time.monotonic() - begin, 60)
        said = [line for line in stderr.splitlines() if not line.startswith("step ")]
        self.assertEqual(len(said), 1, stderr)
        for part in "edgefusion: error: after step ", "process 0 of 2", "--resume", "checkpoint-":
            self.assertIn(part, said[0])
        newest = max(path.name for path in (self.folder / "out").glob("checkpoint-????????"))
        steps = int(newest.split("-")[1]) + 2
        for process in self.start_two(self.write_config("out", 2, steps=steps), "--resume"):
            self.finish(process)
        self.assertTrue((self.folder / "out" / f"checkpoint-{steps:08}").exists())

    def test_the_first_that_is_killed_ends_the_other(self):
        first, second = self.start_two(self.write_config("out", 2, steps=100000))
        self.wait_for(self.folder / "out" / "metrics.jsonl")
        first.kill()
        stderr = self.finish(second, code=1)
        self.assertEqual(stderr.count("\n"), 1, stderr)
        self.assertIn("process 1 of 2", stderr)

    def test_one_that_hangs_is_waited_for_no_longer_than_asked(self):
        first, second = self.start_two(self.write_config("out", 2, steps=100000, process_timeout_s=5))
        self.wait_for(self.folder / "out" / "metrics.jsonl")
        second.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        self.assertIn("process 0 of 2: another process", self.finish(first, code=1))
        self.assertLess(time.monotonic() - begin, 30)

    def test_one_that_is_interrupted_stops_both_at_one_step(self):
        first, second = self.start_two(self.write_config("out", 2, steps=100000, log_every=1))
        metrics = self.folder / "out" / "metrics.jsonl"
        self.wait_for(metrics)
        while not metrics.read_text():
            time.sleep(0.01)
        second.send_signal(signal.SIGINT)
        for process in first, second:
            self.assertIn("edgefusion: cancelled", self.finish(process, code=130))
        step = self.metrics("out")[-1]["step"]
        self.assertTrue((self.folder / "out" / f"checkpoint-{step:08}").exists())

    def test_what_is_wrong_is_told_in_a_line(self):
        config = self.write_config("out", 2, process_timeout_s=2)
        for rank, port, says in (2, 29500, 'RANK: expected a number from 0 to 1, found "2"'), \
                                (0, "x", "MASTER_PORT"), (1, free_port(), "not met at 127.0.0.1"):
            stderr = self.finish(self.start(config, rank, port), code=1)
            self.assertEqual(stderr.count("\n"), 1, stderr)
            self.assertIn(says, stderr)

    def test_an_error_of_the_first_ends_both_before_they_begin(self):
        first, second = self.start_two(self.write_config("out", 2, shards=["none.tar"]))
        self.assertIn("none.tar", self.finish(first, code=1))
        self.assertIn("process 0 failed", self.finish(second, code=1))

    def test_processes_with_different_settings_say_which(self):
        port = free_port()
        pair = [self.start(self.write_config(f"out{rank}", 2 + rank), rank, port) for rank in range(2)]
        for process in pair:
            self.assertIn("batch is ", self.finish(process, code=1))

    def test_processes_that_would_learn_other_things_do_not_begin(self):
        port = free_port()
        rates = (1e-3, 5e-1)
        pair = [self.start(self.write_config(f"out{rank}", 2, learning_rate=rate), rank, port)
                for rank, rate in enumerate(rates)]
        for process in pair:
            self.assertIn("the config's other fields", self.finish(process, code=1))
            self.assertFalse(list(self.folder.glob("out*/checkpoint-*")))

    def test_a_run_taken_up_by_another_number_of_processes_says_so(self):
        for process in self.start_two(self.write_config("out", 2, steps=2)):
            self.finish(process)
        _, stderr = self.run_program("train", "finetune", self.write_config("out", 2, steps=3), "--resume")
        self.assertIn("processes: 1, 2 before", stderr)


if __name__ == "__main__":
    unittest.main()
