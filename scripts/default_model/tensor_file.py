"""safetensors files of 16-bit floats, read and written with the standard library only."""

import json
import struct
import sys


def read(path):
    """{name: (shape, bytes)}; the program ends with a message if a tensor has other elements."""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F16":
            sys.exit(f"{path}: {name}: expected F16, found {entry['dtype']}")
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], raw[8 + size + begin : 8 + size + end])
    return tensors


def write(path, tensors):
    header, parts, length = {}, [], 0
    for name, (shape, part) in tensors.items():
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [length, length + len(part)]}
        parts.append(part)
        length += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
