"""edgefusion itself: its `bench` makes random weights of the same shapes; `exec` and `generate` read
the very models that the peers read."""

import json
import subprocess

from peers import machine
from peers.case import NETWORKS, STEPS, WHOLE, model_folder
from peers.rounds import Refused, Turn

PROMPT = "a photograph of an astronaut riding a horse"
# size of the reports: bench knows a decoder by its option
_DECODER = {"taesd": "taesd", "vae": "vae"}


def output_of(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Program:
    """One side of a case. Every turn is a process of its own, warmed up by `bench`."""

    def __init__(self, path, precision, case):
        self.path, self.precision, self.case = path, precision, case
        self.load_ms = self.peak_mb = 0.0
        self.facts = {}

    def _command(self, repeat):
        case = self.case
        command = [self.path, "bench", "--precision", self.precision, "--threads", case.threads]
        command += ["--arch", NETWORKS["unet"][0], "--size", f"{case.size}x{case.size}", "--json"]
        command += ["--decoder", _DECODER.get(case.network, "taesd"), "--repeat", repeat]
        if case.batch > 1:
            command += ["--batch", case.batch]
        if case.network == WHOLE:
            return [*command, "--steps", STEPS]
        return [*command, "--network", NETWORKS[case.network][1]]

    def turn(self, repeat):
        others = machine.Others(machine.children_seconds)
        found = json.loads(output_of(self._command(repeat)))
        self.load_ms = found["load_ms"]
        self.peak_mb = max(self.peak_mb, found["peak_rss_mb"])
        self.facts = {key: found[key] for key in ("isa", "peak_gmac_per_s") if key in found}
        times = {name: found["networks"][NETWORKS[name][1]] for name in self.case.networks()}
        return Turn(
            low={name: t["min_ms"] for name, t in times.items()},
            middle={name: t["median_ms"] for name, t in times.items()},
            cpu={name: t["cpu_min_ms"] for name, t in times.items() if "cpu_min_ms" in t},
            others=others.cpus(),
        )

    def close(self):
        pass


# Each layer in what is fastest, as `bench --precision int8` has them; nothing is searched.
_RECIPE = {
    "layers": {"*": "w8a8", "unet/*resnets*conv?": "w8a8_winograd", "unet/*upsamplers*": "w8a8_winograd",
               "unet/conv_in": "bf16", "unet/conv_out": "bf16", "vae/*": "bf16"},
    "attention": {"unet/*": "int8", "text_encoder/*": "bf16"},
}
_QUANTISED = "edgefusion-int8.safetensors"


def quantize(path, work):
    """Makes the bundle that int8 runs on, from the models that all sides read."""
    bundle = work / _QUANTISED
    if bundle.exists():
        return
    recipe = work / "edgefusion-int8.json"
    recipe.write_text(json.dumps(_RECIPE), "utf-8")
    command = [path, "quantize", work / "models" / "pipeline", "-o", bundle, "--recipe", recipe]
    output_of([*command, "--schemes", "bf16", "--count", 1, "--steps", 1, "--size", "256x256",
               "--min-psnr", 0.01])


def output(path, precision, network, work, inputs, outputs):
    """Runs a network on tensors from a file, as `edgefusion exec` does."""
    folder = model_folder(work, network)
    if precision == "int8":
        if network == "vae":
            raise Refused("the bundle has TAESD's decoder")
        folder = work / _QUANTISED
    command = [path, "exec", folder, NETWORKS[network][1], "--inputs", inputs]
    output_of([*command, "--outputs", outputs, "--precision", precision])


def picture_command(path, precision, case, work, out):
    model = work / _QUANTISED if precision == "int8" else work / "models" / "pipeline"
    command = [path, "generate", "-m", model, "-p", PROMPT, "-o", out]
    command += ["-W", case.size, "-H", case.size, "--steps", STEPS, "--cfg-scale", 1, "-s", 1]
    return [*command, "--precision", precision, "--threads", case.threads]
