"""Makes what the sides load, once, in a work folder: models of random weights and their exports.

    python3 -m peers.prepare KIND WORK_FOLDER        KIND: a key of MAKERS

Each kind is made by a process of its own, beside its final place, and then renamed: an interrupted
run leaves nothing that looks finished. Needs about 12 GB of memory for the quantised kinds.
"""

import json
import shutil
import sys
from pathlib import Path

from peers.case import NETWORKS, Case, model_folder

EXPORT_SIZE = 128  # small, since tracing runs the network; shapes stay open
CALIBRATION_SIZE, CALIBRATION_SAMPLES = 256, 2  # values decide nothing about speed
# kind: (kinds that must be there first, packages it takes)
KINDS = {
    "models": ([], ("torch", "diffusers", "transformers")),
    "openvino": (["models"], ("openvino", "torch", "diffusers", "transformers")),
    "openvino-int8": (["openvino"], ("openvino", "nncf")),
    "onnx": (["models"], ("onnx", "torch", "diffusers", "transformers")),
    "onnx-int8": (["onnx"], ("onnxruntime", "onnx")),
    "sdcpp": (["models"], ("torch", "safetensors")),
}


def make_models(_work, out):
    """out/pipeline (all of a two-step picture) and out/vae, in f16."""
    import real_models
    from goldens.networks import be_quiet, save_model

    be_quiet()
    real_models.write_pipeline(out / "pipeline")
    save_model(out / "vae", real_models.make_random_model("vae"), "f16")


def traced(work):
    """(name, function of tensors, example inputs) of each network."""
    import torch

    from peers import torch_side

    for name in NETWORKS:
        model = torch_side.Forward(name, torch_side.from_folder(work, name)).eval()
        case = Case(name, EXPORT_SIZE, threads=1)
        yield name, model, tuple(map(torch.from_numpy, case.inputs(name).values()))


def make_openvino(work, out):
    """Weights stay f16; shapes stay open, so that one file serves every size and batch."""
    import openvino
    import torch

    for name, model, inputs in traced(work):
        with torch.no_grad():
            converted = openvino.convert_model(model, example_input=inputs)
        openvino.save_model(converted, out / f"{name}.xml", compress_to_fp16=True)


def make_openvino_int8(work, out):
    """8-bit weights and activations by NNCF's post-training quantisation."""
    import nncf
    import openvino

    for name in NETWORKS:
        model = openvino.Core().read_model(work / "openvino" / f"{name}.xml")
        case = Case(name, CALIBRATION_SIZE, threads=1)
        inputs = list(case.inputs(name).values())
        samples = nncf.Dataset([inputs] * CALIBRATION_SAMPLES)
        is_transformer = name in ("text_encoder", "unet")
        quantised = nncf.quantize(
            model,
            samples,
            subset_size=CALIBRATION_SAMPLES,
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER if is_transformer else None,
        )
        openvino.save_model(quantised, out / f"{name}.xml")


def make_onnx(work, out):
    import torch

    for name, model, inputs in traced(work):
        names = list(Case(name, EXPORT_SIZE, threads=1).inputs(name))
        axes = {key: {0: "batch"} for key in names}
        for key in ("sample", "latent"):
            if key in axes:
                axes[key] = {0: "batch", 2: "height", 3: "width"}
        with torch.no_grad():
            torch.onnx.export(
                model, inputs, out / f"{name}.onnx", opset_version=18, dynamo=False,
                input_names=names, dynamic_axes=axes,
            )


def make_onnx_int8(work, out):
    """Static 8-bit quantisation, one scale a channel."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self, name):
            inputs = Case(name, CALIBRATION_SIZE, threads=1).inputs(name)
            self.samples = iter([inputs] * CALIBRATION_SAMPLES)

        def get_next(self):
            return next(self.samples, None)

    for name in NETWORKS:
        quantization.quantize_static(
            work / "onnx" / f"{name}.onnx",
            out / f"{name}.onnx",
            Reader(name),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )


def make_sdcpp(work, out):
    """The layout of diffusers, less what that reader does not understand."""
    from safetensors.torch import load_file, save_file

    for network in ("text_encoder", "unet", "vae"):
        source = next(model_folder(work, network).glob("*.safetensors"))
        tensors = load_file(source)
        if network == "text_encoder" and not any(k.startswith("text_model.") for k in tensors):
            tensors = {"text_model." + key: value for key, value in tensors.items()}
        (out / network).mkdir()
        save_file(tensors, out / network / source.name)
    tiny = next(model_folder(work, "taesd").glob("*.safetensors"))
    shutil.copy(tiny, out / "taesd.safetensors")
    index = {"_class_name": "StableDiffusionPipeline"}
    (out / "model_index.json").write_text(json.dumps(index), "utf-8")


MAKERS = {
    "models": make_models,
    "openvino": make_openvino,
    "openvino-int8": make_openvino_int8,
    "onnx": make_onnx,
    "onnx-int8": make_onnx_int8,
    "sdcpp": make_sdcpp,
}


def make(kind, work):
    partial = work / f"{kind}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    MAKERS[kind](work, partial)
    partial.rename(work / kind)


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
