"""Runs `edgefusion plan` and reads what it says."""

import json
import resource
import subprocess
import tempfile
from pathlib import Path

# The attention whose scores are the largest: 4096 tokens, 8 heads of 40 channels.
BLOCK = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_v:attention"


class Planner:
    def __init__(self, program, device):
        self.program = str(program)
        self.device = str(device)

    def output(self, name, *options):
        command = [self.program, "plan", "--device", self.device, "--network", name, *options]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def executed(self, name, *options):
        """CPU seconds of planning, and what a run tile by tile says."""
        with tempfile.TemporaryDirectory() as folder:
            plan = Path(folder) / "plan.json"
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            self.output(name, *options, "-o", plan)
            seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            lines = self.output(name, *options, "--check", plan, "--execute").splitlines()
        return seconds, next(line.split("executed: ")[1] for line in lines if "executed: " in line)

    def network(self, name, *options):
        """One network's plan as the plan file has it, with its costs."""
        with tempfile.TemporaryDirectory() as folder:
            costs = Path(folder) / "costs.json"
            network = json.loads(self.output(name, "--json", "--costs", costs, *options))["networks"][0]
            network["costs"] = json.loads(costs.read_text())["networks"][0]
        return network

    def milliseconds(self, name, *options, op_by_op=False):
        network = self.network(name, *options, *(["--op-by-op"] if op_by_op else []))
        return self.to_ms(network["totals"]["cycles"])

    def to_ms(self, cycles):
        return cycles / (self.clock_mhz() * 1e3)

    def clock_mhz(self):
        return json.loads(Path(self.device).read_text())["clock_mhz"]


def architecture(unet, decoder="vae"):
    return ["--arch", unet, "--decoder", decoder, "--size", "512x512"]


# Which command of the block's plan belongs to which row: engine, action, and how its name ends.
def row_of(item):
    if item["action"] in ("load", "store"):
        part = "S" if item["what"].endswith(":scores") else \
            "softmax(S)" if item["what"].endswith(":softmax") else None
        if item["action"] == "store":
            return f"DMA store {part or 'A'}"
        if part == "S":
            return "DMA load S"
        # q, k and v are columns of one tensor: told apart by the op that takes them.
        return "DMA load softmax(S), V" if part or item["for"] == "mix" else "DMA load Q, K"
    return {"scores": "tensor engine QK^T", "softmax": "vector engine softmax",
            "mix": "tensor engine S V"}[item["for"]]


def block_rows(network):
    """Cycles of each row of the attention table, what engines wait for each other included."""
    rows = {}
    for item in network["costs"]["items"]:
        name = row_of(item)
        rows[name] = rows.get(name, 0) + item["cycles"] + item["hand_over"]
    return rows
