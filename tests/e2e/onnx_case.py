"""What tests of export-onnx share: tensors of safetensors files, and models run by onnxruntime.

Needs numpy, onnx and onnxruntime (scripts/install_onnx.sh); without them importing this fails.
"""

import json

import numpy as np
import onnx
import onnxruntime

from case import read_header, safetensors

TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}
CODES = {np.dtype(np.float32): "F32", np.dtype(np.int32): "I32", np.dtype(np.int64): "I64"}
# What diffusers calls inputs and outputs in its ONNX files, beside what `exec` calls them.
NAMES = {
    "vae_decoder": {"latent": "latent_sample", "image": "sample"},
    "vae_encoder": {"image": "sample", "latent": "latent_sample"},
}
MAIN_INPUT = {"text_encoder": "input_ids", "unet": "sample", "vae_decoder": "latent"}


def read_tensors(path):
    """(name -> array, metadata)"""
    header, data = read_header(path)
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def write_tensors(path, tensors):
    entries = {name: (CODES[a.dtype], list(a.shape), np.ascontiguousarray(a).tobytes()) for name, a in tensors.items()}
    path.write_bytes(safetensors(entries))


def with_prefix(tensors, prefix):
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


def check(path):
    """By onnx's checker, with the shapes it infers held against those the file states."""
    onnx.checker.check_model(str(path), full_check=True)
    onnx.shape_inference.infer_shapes_path(str(path), str(path) + ".inferred", strict_mode=True)


def run_model(path, inputs, optimized=True):
    """name -> array. Inputs the model does not take are left out."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {i.name: inputs[i.name] for i in session.get_inputs()})))


def run_groups(folder, inputs, optimized=True):
    """Models of groups.json, one after the other, as its own words say."""
    manifest = json.loads((folder / "groups.json").read_text("utf-8"))
    values = {name: inputs[name] for name in manifest["inputs"]}
    for group in manifest["groups"]:
        made = run_model(folder / group["file"], {name: values[name] for name in group["inputs"]}, optimized)
        assert sorted(made) == sorted(group["outputs"]), group["name"]
        values.update(made)
    return {name: values[name] for name in manifest["outputs"]}


def error_of(found, expected):
    """Largest difference, relative to the largest value."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return float(np.abs(found - expected).max() / np.abs(expected).max())
