"""diffusers and transformers on torch, eager."""

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel

from peers.case import model_folder

KINDS = {
    "text_encoder": CLIPTextModel,
    "unet": UNet2DConditionModel,
    "taesd": AutoencoderTiny,
    "vae": AutoencoderKL,
}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def from_folder(work, network, dtype=torch.float32):
    kind = KINDS[network]
    # The two libraries call the same argument by different names.
    dtype_name = "dtype" if kind is CLIPTextModel else "torch_dtype"
    return kind.from_pretrained(model_folder(work, network), **{dtype_name: dtype}).eval()


class Forward(torch.nn.Module):
    """A network as a function of tensors in the order of Case.inputs."""

    def __init__(self, network, model):
        super().__init__()
        self.network, self.model = network, model

    def forward(self, *inputs):
        if self.network == "text_encoder":
            return self.model(*inputs).last_hidden_state
        if self.network == "unet":
            return self.model(*inputs, return_dict=False)[0]
        return self.model.decode(*inputs, return_dict=False)[0]


class Network:
    def __init__(self, case, network, work, side):
        self.dtype, self.layout = DTYPES[side.precision], side.layout
        model = from_folder(work, network, self.dtype)
        if self.layout == "channels_last":
            model = model.to(memory_format=torch.channels_last)
        self.forward = Forward(network, model)
        self.set(case.inputs(network).values())

    def set(self, arrays):
        self.inputs = [self._tensor(torch.from_numpy(np.ascontiguousarray(a))) for a in arrays]

    def _tensor(self, tensor):
        if tensor.is_floating_point():
            tensor = tensor.to(self.dtype)
        if self.layout == "channels_last" and tensor.dim() == 4:
            tensor = tensor.to(memory_format=torch.channels_last)
        return tensor

    @torch.inference_mode()
    def run(self):
        self.result = self.forward(*self.inputs)

    def output(self):
        return self.result.float().numpy()

    def precisions(self):
        """{data type: parameters}: eager torch computes in the type of the operands."""
        return {str(p.dtype).removeprefix("torch."): 1 for p in self.forward.parameters()}


def load(case, work, side, cache=None):
    torch.set_num_threads(case.threads)
    return {name: Network(case, name, work, side) for name in case.networks()}
