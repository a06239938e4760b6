"""The sides that can be compared with edgefusion."""

from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Side:
    package: str  # peers/<package>_side.py
    precision: str
    packages: tuple  # distributions that must be installed; the first one's version is reported
    files: str  # what prepare.py must make first
    layout: str = ""

    def missing(self):
        """Names of packages that are not installed."""
        return [name for name in self.packages if version(name) is None]


def version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


_TORCH = ("torch", "diffusers", "transformers")
_SDCPP = ("stable-diffusion-cpp-python",)
SIDES = {
    "openvino-bf16": Side("openvino", "bf16", ("openvino",), "openvino"),
    "openvino-int8": Side("openvino", "int8", ("openvino",), "openvino-int8"),
    "openvino-f32": Side("openvino", "f32", ("openvino",), "openvino"),
    "torch-bf16": Side("torch", "bf16", _TORCH, "models", "channels_last"),
    "torch-f32": Side("torch", "f32", _TORCH, "models", "contiguous"),
    "torch-f32-channels-last": Side("torch", "f32", _TORCH, "models", "channels_last"),
    "onnxruntime-f32": Side("onnxruntime", "f32", ("onnxruntime",), "onnx"),
    "onnxruntime-int8": Side("onnxruntime", "int8", ("onnxruntime",), "onnx-int8"),
    "sdcpp-f16": Side("sdcpp", "f16", _SDCPP, "sdcpp"),
}
# Names that stand for several sides.
DEFAULT_SIDES = ["openvino-bf16", "openvino-int8", "torch-bf16"]
