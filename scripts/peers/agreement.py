"""Whether the sides compute the same thing: their outputs against torch in f32, on the same models
and inputs. Only such times may be compared."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from peers import machine, program, rounds
from peers.case import Case
from peers.sides import SIDES

REFERENCE = "torch-f32"
OUTPUTS = {  # by name, as `edgefusion exec` writes them
    "text_encoder": "last_hidden_state",
    "unet": "out_sample",
    "taesd": "image",
    "vae": "image",
}


def peer_output(side, case, work, folder):
    peer = rounds.Peer(side, case, work)
    path = folder / "output.npz"
    try:
        peer.order(save=str(path))
    finally:
        peer.close()
    return np.load(path)[case.network]


def program_output(path, precision, case, work, folder):
    inputs, outputs = folder / "inputs.safetensors", folder / "outputs.safetensors"
    save_file(case.inputs(case.network), inputs)
    program.output(path, precision, case.network, work, inputs, outputs)
    return load_file(outputs)[OUTPUTS[case.network]]


def relative_error(found, expected):
    if found.shape != expected.shape:
        raise rounds.Refused(f"shape {found.shape}, expected {expected.shape}")
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def outputs_of(case, sides, ours, work, folder):
    """{side: function that computes the output of the case}."""
    makers = {}
    for side, (path, precision) in ours.items():
        makers[side] = partial(program_output, path, precision, case, work, folder)
    for side in sides:
        if SIDES[side].package != "sdcpp":  # it gives pictures only
            makers[side] = partial(peer_output, side, case, work, folder)
    return makers


def measure(networks, sides, ours, size, work, say):
    """{network: {side: max |a-b| / max |b|}}. `ours` is {name: (program, precision)}."""
    errors = {}
    with tempfile.TemporaryDirectory(prefix="bench_peers_") as name:
        folder = Path(name)
        for network in networks:
            case = Case(network, size, machine.cpus())
            expected = peer_output(REFERENCE, case, work, folder)
            errors[network] = {}
            for side, output in outputs_of(case, sides, ours, work, folder).items():
                try:
                    errors[network][side] = relative_error(output(), expected)
                except rounds.Refused as reason:
                    say(f"{side}: no output of {network}: {reason}")
    return errors
