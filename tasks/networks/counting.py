"""Counting the parameters and multiplications of a network."""

import torch
from torch import Tensor, nn


def parameters(network: nn.Module) -> int:
    """How many weights are learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiplications(network: nn.Module, frames: int, mels: int) -> int:
    """Multiply-accumulates for one segment, counted where they are done: every convolution, every linear layer."""
    total = 0

    def count(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            total += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += output.numel() * module.in_features

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    was_training = network.training
    with torch.inference_mode():
        network.eval()(torch.zeros(1, frames, mels, device=next(network.parameters()).device))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return total
