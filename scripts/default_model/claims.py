#!/usr/bin/env python3
"""The paper's claims in kind, as a table: pieces of the recipe left out or changed, all else alike.

    scripts/default_model/claims.py WORK [--steps 150] [--seeds 1,2] [--only phase,teacher,captions]

WORK is a folder in which make.sh has finished. Every row trains a block-removed student at 128x128
for the same number of steps in all, on the same pictures; the two-step pictures of held-out prompts
are judged by WORK/judge.done. Runs are kept in WORK/claims; what is finished is not run again.
Standard library only; EDGEFUSION names the program (a build with training).
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = os.environ.get("EDGEFUSION", str(HERE.parents[1] / "build/train/apps/cli/edgefusion"))
PROMPTS = HERE / "prompts" / "held_out.txt"


def words_of_file_name(notes):
    """What a crawler would have for a caption: the picture's file name."""
    return notes["id"].replace("-", " ").replace("_", " ")


def write_raw_captions(sources, target):
    """The same samples with file names for captions."""
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, "w") as out:
        for source in sources:
            with tarfile.open(source) as shard:
                for member in shard:
                    content = shard.extractfile(member).read()
                    if member.name.endswith(".txt"):
                        continue
                    if member.name.endswith(".json"):
                        notes = json.loads(content)
                        notes["captions"] = [words_of_file_name(notes)]
                        content = json.dumps(notes).encode()
                    add(out, member.name, content)
    partial.rename(target)


def add(out, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    out.addfile(info, io.BytesIO(content))


class Work:
    """The folder with what make.sh made, and the runs of this script below it."""

    def __init__(self, path, steps):
        self.path, self.steps = Path(path).resolve(), steps
        self.runs = self.path / "claims"
        self.runs.mkdir(exist_ok=True)
        self.large = self.path / "teacher_2.done"
        self.plain = json.loads((HERE / "teacher_things.json").read_text())
        self.shards = [str(self.path / shard) for shard in self.plain["shards"]]

    def data(self, captions):
        shards = self.shards
        if captions == "raw":
            raw = self.runs / "raw.tar"
            if not raw.exists():
                write_raw_captions(shards, raw)
            shards = [str(raw)]
        elif captions == "synthetic":
            shards = shards + sorted(str(p) for p in (self.path / "scenes").glob("*.tar.gz"))
        return {"shards": shards, "where": self.plain["where"]}

    def train(self, task, name, config):
        """The folder of the finished run's model."""
        out = self.runs / name
        done = sorted(out.glob("checkpoint-*"))
        if not done or int(done[-1].name.split("-")[1]) < config["steps"]:
            shutil.rmtree(out, ignore_errors=True)
            file = self.runs / f"{name}.json"
            common = {"resolution": 128, "batch": 32, "warmup_steps": 10, "schedule": "cosine", "bf16": True,
                      "optimizer": "muon", "min_snr_gamma": 0, "log_every": 10, "out": name, "cache": "cache"}
            file.write_text(json.dumps({**common, **config}, indent=1))
            subprocess.run([PROGRAM, "train", task, file], check=True)
            done = sorted(out.glob("checkpoint-*"))
        return done[-1]

    def first_phase(self, name, seed, steps, data):
        rate = 1e-3 if steps > 1 else 0.0  # a student that was cut out and not trained
        return self.train("distill", name, {"model": str(self.large), "removal": "small", "steps": steps,
                                            "learning_rate": rate, "ema_decay": 0.98 if steps > 1 else 0,
                                            "seed": seed, **data})

    def second_phase(self, name, seed, steps, data, student, teacher):
        return self.train("lcm", name, {"model": str(teacher), "student": str(student), "steps": steps,
                                        "learning_rate": 5e-4, "guidance_min": 2, "guidance_max": 6,
                                        "ema_decay": 0.95, "seed": seed, **data})

    def score(self, model):
        """Figures of two-step pictures, means over several pictures of every prompt."""
        file = model / "claims.json"
        if not file.exists():
            reports = [self.evaluate(model, first_seed) for first_seed in (0, 1000, 2000, 3000)]
            file.write_text(json.dumps([report["rows"][-1] for report in reports]))
        found = json.loads(file.read_text())
        return {"CLIP": statistics.mean(row["clip_score"] for row in found),
                "recall@5": statistics.mean(row["recall_at_5"] for row in found)}

    def evaluate(self, model, first_seed):
        command = [PROGRAM, "eval", "steps", "-m", model, "--scorer", self.path / "judge.done", "--prompts", PROMPTS,
                   "--steps", "2", "-W", "128", "-H", "128", "-s", str(first_seed), "--json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows(work, seed, only):
    """(claim, row, model) of every variation, trained."""
    half, clean = work.steps // 2, work.data("clean")
    large = work.large
    cut = work.first_phase(f"cut-{seed}", seed, 1, clean)
    first = work.first_phase(f"first-{seed}", seed, half, clean)
    both = work.second_phase(f"both-{seed}", seed, half, clean, first, large)
    if "phase" in only:
        alone = work.second_phase(f"alone-{seed}", seed, work.steps, clean, cut, large)
        yield "first phase", "none, all steps in the second", alone
        yield "first phase", "half of the steps", both
    if "teacher" in only:
        small = work.second_phase(f"small-{seed}", seed, half, clean, first, first)
        yield "teacher of the second phase", "the student of the first", small
        yield "teacher of the second phase", "the large one", both
    if "captions" in only:
        for captions in ("raw", "synthetic"):
            data = work.data(captions)
            student = work.first_phase(f"first-{captions}-{seed}", seed, half, data)
            model = work.second_phase(f"both-{captions}-{seed}", seed, half, data, student, large)
            yield "captions", {"raw": "file names", "synthetic": "clean, and scenes"}[captions], model
            if captions == "raw":
                yield "captions", "clean", both


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=150, help="of a row, both phases together")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--only", default="phase,teacher,captions")
    arguments = parser.parse_args()
    work = Work(arguments.work, arguments.steps)
    table = {}
    for seed in map(int, arguments.seeds.split(",")):
        for claim, row, model in rows(work, seed, arguments.only.split(",")):
            table.setdefault((claim, row), []).append(work.score(model))
    print("| what | | CLIP | recall@5 |\n|---|---|---|---|")
    for (claim, row), scores in table.items():
        figures = []
        for name, digits in (("CLIP", 2), ("recall@5", 3)):
            values = [score[name] for score in scores]
            text = f"{statistics.mean(values):.{digits}f}"
            if len(values) > 1:
                text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
            figures.append(text)
        print(f"| {claim} | {row} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()
