"""Single layers in OpenVINO, one thread: least CPU milliseconds of each, as one line of JSON.

    python3 -m peers.openvino_layers PRECISION REPEAT

Inputs and outputs have the type that neighbours in a network would hand over, so that nothing is
converted on the way.
"""

import json
import sys
import time

import numpy as np
import openvino
from openvino import opset13 as op

from peers.layers import LAYERS, Attention

TYPES = {"f32": openvino.Type.f32, "bf16": openvino.Type.bf16}


def filled(element, shape):
    """A tensor of random numbers; bf16 is the upper half of an f32."""
    values = np.random.default_rng(7).standard_normal(shape, np.float32)
    tensor = openvino.Tensor(element, openvino.Shape(shape))
    if element == openvino.Type.bf16:
        values = (values.view(np.uint32) >> 16).astype(np.uint16).view(tensor.data.dtype)
    tensor.data[:] = values
    return tensor


def attention(layer, element):
    q = op.parameter([1, layer.heads, layer.queries, layer.head_size], element)
    k, v = (op.parameter([1, layer.heads, layer.keys, layer.head_size], element) for _ in range(2))
    return [q, k, v], op.scaled_dot_product_attention(q, k, v)


def convolution(layer, element):
    x = op.parameter([1, layer.inputs, layer.size, layer.size], element)
    weights = op.constant(filled(element, [layer.outputs, layer.inputs, 3, 3]))
    bias = op.constant(filled(element, [1, layer.outputs, 1, 1]))
    return [x], op.add(op.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1]), bias)


def measure(layer, element, precision, repeat):
    make = attention if isinstance(layer, Attention) else convolution
    inputs, output = make(layer, element)
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": precision,
    }
    model = openvino.Model([op.result(output)], inputs)
    request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()
    for i, port in enumerate(inputs):
        request.set_input_tensor(i, filled(element, list(port.get_output_shape(0))))
    request.infer()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        request.infer()
        times.append((time.process_time() - start) * 1e3)
    return min(times)


def main():
    precision, repeat = sys.argv[1], int(sys.argv[2])
    found = {l.name: measure(l, TYPES[precision], precision, repeat) for l in LAYERS}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
