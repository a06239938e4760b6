"""Single layers of the networks on one thread: OpenVINO's against edgefusion's kernel benchmarks."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

from peers import program, rounds


@dataclass(frozen=True)
class Attention:
    heads: int
    queries: int
    keys: int
    head_size: int

    @property
    def name(self):
        return f"attention {self.heads}x{self.queries}x{self.keys}x{self.head_size}"

    def bench(self, _precision):
        """The benchmark's program, and what its name ends with."""
        row = f"h{self.heads}_q{self.queries}_k{self.keys}_d{self.head_size}"
        return "kernels_attention_bench", row

    @property
    def gmac(self):
        return 2 * self.heads * self.queries * self.keys * self.head_size / 1e9


@dataclass(frozen=True)
class Convolution:
    f32_row: str
    size: int
    inputs: int
    outputs: int

    @property
    def name(self):
        return f"conv 3x3 {self.inputs} to {self.outputs}, {self.size}x{self.size}"

    def bench(self, precision):
        if precision == "f32":
            return "kernels_conv_bench", self.f32_row
        return "kernels_matrix_bench", f"conv3x3_{self.size}x{self.size}x{self.inputs}"

    @property
    def gmac(self):
        return 9 * self.size * self.size * self.inputs * self.outputs / 1e9


LAYERS = [
    Attention(8, 4096, 4096, 40),
    Convolution("res_320", 64, 320, 320),
    Convolution("res_640", 32, 640, 640),
    Convolution("res_1280", 16, 1280, 1280),
    Convolution("taesd_512", 512, 64, 64),
]


def openvino_turn(precision, repeat):
    command = [sys.executable, "-m", "peers.openvino_layers", precision, str(repeat)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=rounds.python_environment()
    )
    if done.returncode:
        raise rounds.Refused((done.stderr.strip().splitlines() or ["failed"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def is_of(precision, row):
    """Rows of kernels say "bf16" in their name; f32 rows do not."""
    return ("bf16" in row.partition("/")[0]) == (precision == "bf16")


def kernel_turn(folder, layer, precision, repeat):
    """Least CPU milliseconds of the fastest row, and its name; None where nothing was built."""
    bench, row = layer.bench(precision)
    if not (folder / bench).exists():
        return None
    command = [folder / bench, f"--benchmark_filter=/{re.escape(row)}$"]
    command += [f"--benchmark_repetitions={repeat}", "--benchmark_format=json"]
    found = json.loads(program.output_of([*command, "--benchmark_min_time=0.05"]))
    factor = {"ns": 1e-6, "us": 1e-3, "ms": 1.0}
    times = [
        (run["cpu_time"] * factor[run["time_unit"]], run["name"].partition("/")[0])
        for run in found["benchmarks"]
        if run["run_type"] == "iteration" and is_of(precision, run["name"])
    ]
    return min(times, default=None)


def peak_gmac_per_s(path, precision):
    """Of one thread, as the program measures it at this moment."""
    command = [path, "bench", "--network", "text_encoder", "--repeat", "1", "--threads", "1"]
    return json.loads(program.output_of([*command, "--precision", precision, "--json"]))[
        "peak_gmac_per_s"
    ]


def measure(path, folder, precision, repeats, say):
    """{layer's name: {"peer_ms", "ours_ms", "row", "gmac", "peak"}}, the sides in turn.

    `repeats` is (rounds, runs in each).
    """
    best = {layer.name: {"gmac": layer.gmac, "peak": 0.0} for layer in LAYERS}
    for _ in range(repeats[0]):
        try:
            theirs = openvino_turn(precision, repeats[1])
        except rounds.Refused as reason:
            say(f"openvino: no single layers: {reason}")
            return {}
        peak = peak_gmac_per_s(path, precision)
        for layer in LAYERS:
            entry = best[layer.name]
            entry["peak"] = max(entry["peak"], peak)
            entry["peer_ms"] = min(theirs[layer.name], entry.get("peer_ms", float("inf")))
            ours = kernel_turn(folder, layer, precision, repeats[1])
            if ours and ours[0] < entry.get("ours_ms", float("inf")):
                entry["ours_ms"], entry["row"] = ours
    return best
