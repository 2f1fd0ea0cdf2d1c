"""Folding batch norms into the convolutions before them, for faster inference."""

from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network) -> Network:
    """Fold the batch norms of a network in evaluation into its convolutions, in place; what it answers is the same.

    A module's children stand in the order in which they are called: a batch norm right after a convolution takes what
    that gives.
    """
    for module in list(network.modules()):
        for (before, convolution), (after, norm) in pairwise(list(module.named_children())):
            if isinstance(convolution, nn.Conv1d | nn.Conv2d) and isinstance(norm, _BatchNorm):
                setattr(module, before, fuse_conv_bn_eval(convolution, norm))
                setattr(module, after, nn.Identity())
    return network
