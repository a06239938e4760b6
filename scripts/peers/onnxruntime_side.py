"""onnxruntime's CPU provider."""

import numpy as np
import onnxruntime


class Network:
    def __init__(self, case, network, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        path = str(folder / f"{network}.onnx")
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.set(case.inputs(network).values())

    def set(self, arrays):
        names = [port.name for port in self.session.get_inputs()]
        self.feed = dict(zip(names, arrays))

    def run(self):
        self.result = self.session.run(None, self.feed)[0]

    def output(self):
        return self.result.astype(np.float32)

    def precisions(self):
        return {}


def load(case, work, side, cache=None):
    return {name: Network(case, name, work / side.files) for name in case.networks()}
