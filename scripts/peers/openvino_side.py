"""OpenVINO on one CPU stream, at a precision that is asked for and looked up again."""

from collections import Counter

import numpy as np
import openvino

MATRIX_LAYERS = {"Convolution", "FullyConnected", "MatMul"}
NAMES = {"i8": "int8", "u8": "int8"}


class Network:
    def __init__(self, case, network, folder, side, cache):
        core = openvino.Core()
        model = core.read_model(folder / f"{network}.xml")
        inputs = list(case.inputs(network).values())
        model.reshape({port: array.shape for port, array in zip(model.inputs, inputs)})
        # What the quantiser left in floating point runs in bf16, as a user would want it.
        hint = "f32" if side.precision == "f32" else "bf16"
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": case.threads,
            "INFERENCE_PRECISION_HINT": hint,
        }
        if cache:
            config["CACHE_DIR"] = str(cache)
        self.compiled = core.compile_model(model, "CPU", config)
        self.request = self.compiled.create_infer_request()
        self.set(inputs)

    def set(self, arrays):
        for i, array in enumerate(arrays):
            self.request.set_input_tensor(i, openvino.Tensor(np.ascontiguousarray(array)))

    def run(self):
        self.request.infer()

    def output(self):
        return np.array(self.request.get_output_tensor(0).data, np.float32)

    def precisions(self):
        """{data type: matrix layers that run in it}, from the kernels of the compiled model."""
        found = Counter()
        for node in self.compiled.get_runtime_model().get_ops():
            info = {key: value.astype(str) for key, value in node.get_rt_info().items()}
            # Attention is fused into a "Subgraph", as are many small things without a softmax.
            is_attention = "Softmax" in info["originalLayersNames"]
            if info["layerType"] in MATRIX_LAYERS or is_attention:
                kind = info["primitiveType"].rpartition("_")[2].lower()
                found[NAMES.get(kind, kind)] += 1
        return dict(found)


def load(case, work, side, cache=None):
    folder = work / side.files
    return {name: Network(case, name, folder, side, cache) for name in case.networks()}
