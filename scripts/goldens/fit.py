"""Makes a random U-Net predict noise roughly, so that a schedule runs in the range of a real one.

With a prediction that has nothing to do with its input, the first step of an LCM divides an error
of 1 by 0.07: decoders saturate and the pictures compare nothing. Least squares on the last layer
is enough; a share of random weights stays, so that text and guidance keep their say.
"""

import torch

from goldens.networks import STORAGE, generator

RANDOM_SHARE = 0.15
RIDGE = 1e-3  # of the mean of the diagonal


def noisy_example(unet, scheduler, label, size):
    """(inputs of the U-Net, what it should predict, [N,4,H,W]) at timesteps over the schedule."""
    draw = generator(label + "/fit")
    steps = torch.tensor([999, 999, 799, 499, 299, 99])[: size[0]]
    shape = (len(steps), unet.config.in_channels, *size[1:])
    clean, noise = (torch.randn(shape, generator=draw) for _ in range(2))
    alpha = scheduler.alphas_cumprod[steps].sqrt().view(-1, 1, 1, 1)
    sigma = (1 - alpha**2).sqrt()
    text_shape = (len(steps), 77, unet.config.cross_attention_dim)
    inputs = dict(
        sample=alpha * clean + sigma * noise,
        timestep=steps,
        encoder_hidden_states=torch.randn(text_shape, generator=draw),
    )
    if unet.config.time_cond_proj_dim:
        cond = (len(steps), unet.config.time_cond_proj_dim)
        inputs["timestep_cond"] = torch.randn(cond, generator=draw)
    if scheduler.config.prediction_type == "v_prediction":
        return inputs, alpha * noise - sigma * clean
    return inputs, noise


@torch.no_grad()
def fit_last_layer(unet, scheduler, label, storage, size=(6, 16, 16)):
    """Replaces `conv_out` by a fit plus RANDOM_SHARE of itself. size = (examples, height, width)."""
    seen = []
    hook = unet.conv_out.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    inputs, target = noisy_example(unet, scheduler, label, size)
    unet(**inputs)
    hook.remove()
    columns = torch.nn.functional.unfold(seen[0], 3, padding=1)  # [N, C*9, H*W]
    columns = torch.cat([columns, torch.ones_like(columns[:, :1])], 1)
    x = columns.transpose(1, 2).flatten(0, 1).double()
    y = target.flatten(2).transpose(1, 2).flatten(0, 1).double()
    gram = x.T @ x
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    solution = torch.linalg.solve(gram, x.T @ y).T.float()  # [4, C*9 + 1]
    last = unet.conv_out
    weight = solution[:, :-1].reshape(last.weight.shape) + RANDOM_SHARE * last.weight
    last.weight.data = weight.to(STORAGE[storage]).float()
    last.bias.data = (solution[:, -1] + RANDOM_SHARE * last.bias).to(STORAGE[storage]).float()
