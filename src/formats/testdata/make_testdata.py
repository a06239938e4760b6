"""Makes the files of this folder with the packages that define the formats.

Needs numpy, safetensors >= 0.8 and pillow: python make_testdata.py
"""

import pathlib

import numpy as np
from PIL import Image, PngImagePlugin
from safetensors import TensorSpec, serialize

HERE = pathlib.Path(__file__).parent


def bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def make_safetensors():
    """Every element type, a scalar, an empty tensor and a name outside of ASCII."""
    tensors = {
        "a.f32": (np.arange(6, dtype=np.float32).reshape(2, 3) / 4, "float32"),
        "b.f16": (np.arange(3, dtype=np.float16) - 1, "float16"),
        "c.bf16": (bf16(np.arange(5) * 0.5), "bfloat16"),
        "d.i64": (np.array(-7, dtype=np.int64), "int64"),
        "e.u8": (np.arange(3, dtype=np.uint8), "uint8"),
        "f.bool": (np.array([True, False, True]), "bool"),
        "g.empty": (np.zeros((0, 4), dtype=np.float32), "float32"),
        "h.f64": (np.array([1.5]), "float64"),
        "i.i32": (np.array([1, -2], dtype=np.int32), "int32"),
        "j.i16": (np.array([3], dtype=np.int16), "int16"),
        "k.i8": (np.array([-4, 5], dtype=np.int8), "int8"),
        "l.u16": (np.array([65535], dtype=np.uint16), "uint16"),
        "m.u32": (np.array([7], dtype=np.uint32), "uint32"),
        "n.u64": (np.array([8], dtype=np.uint64), "uint64"),
        "ünï": (np.ones(1, dtype=np.float32), "float32"),
    }
    specs = {
        name: TensorSpec(dtype=dtype, shape=list(array.shape), data_ptr=array.ctypes.data,
                         data_len=array.nbytes)
        for name, (array, dtype) in tensors.items()
    }
    (HERE / "reference.safetensors").write_bytes(serialize(specs, metadata={"format": "pt"}))


def make_png():
    """4x2 pictures of the kinds other programs write."""
    palette = Image.new("P", (4, 2))
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2, 3, 3, 2, 1, 0])
    palette.save(HERE / "palette_alpha.png", transparency=bytes([0, 255, 255, 128]))

    gray16 = (np.arange(8).reshape(2, 4) * 8000).astype(np.uint16)
    Image.fromarray(gray16).save(HERE / "gray16.png")

    gray1 = Image.new("1", (4, 2))
    gray1.putdata([0, 255, 0, 255, 255, 0, 255, 0])
    gray1.save(HERE / "gray1.png")

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a caf\xe9, 30% off\nSteps: 2")
    info.add_itxt("note", "狐 fox")
    info.add_text("packed", "zzz" * 50, zip=True)
    rgb = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    rgb.save(HERE / "text.png", pnginfo=info)


if __name__ == "__main__":
    make_safetensors()
    make_png()
