"""Single hits and notes cut from loops, shown as a one-shot is: its own length is a bar, two or four, repeated."""

from typing import Final

import torch
from torch import Tensor

from storage.vocabulary import BARS_PER_SEGMENT
from tasks.training.augmentation import FRAMES_PER_BEAT, uniform

_SHORTEST: Final = 4
"""Frames of the musical axis: a sixteenth of a bar, some tenth of a second."""
_ANOTHER: Final = 0.5
"""Rise of the level, as a share of that of the hit, from which another hit begins."""
_AUDIBLE: Final = 0.1
"""Rise, as a share of the greatest level, below which nothing begins: a held sound ripples."""


def single_hits(power: Tensor, random: torch.Generator) -> Tensor:
    """One hit or note from each mel power (rows, frames, bands), stretched over whole bars and repeated.

    It begins where the level rises, ends before the next hit that is half as strong, and dies away. A file that is
    no loop is heard as one that is as long as itself, so a short hit fills a whole bar.
    """
    rows, frames, bands = power.shape
    level = power.sum(dim=2).sqrt()
    rise = (level - level.roll(1, dims=1)).clamp(min=0)
    rise = rise * (rise > _AUDIBLE * level.amax(dim=1, keepdim=True))
    strength = rise * (0.25 + uniform(rows * frames, random).view(rows, frames).to(rise.device))
    start = strength.argmax(dim=1)
    length = _until_the_next(rise, start)
    bars = 2 ** torch.randint(0, 3, (rows,), generator=random).to(power.device)
    # What lasts long is long as a file too: a hit of a beat or less never fills two bars.
    period = frames // BARS_PER_SEGMENT * torch.minimum(bars, (length // FRAMES_PER_BEAT).clamp(min=1))
    rest = (1 + uniform(rows, random) ** 2).to(power.device)  # some files end with silence
    age = (torch.arange(frames, device=power.device)[None] % period[:, None]) / period[:, None]
    place = age * (rest * length)[:, None]
    times = (start[:, None] + place.long()) % frames
    cut = power.gather(1, times[:, :, None].expand(-1, -1, bands))
    decay = (0.5 + 5.5 * uniform(rows, random)).to(power.device)[:, None]
    return cut * (torch.exp(-decay * age) * (place < length[:, None]))[:, :, None]


def _until_the_next(rise: Tensor, start: Tensor) -> Tensor:
    """Frames (rows,) from each start to the next rise that is about as strong, or to the start again."""
    frames = rise.shape[1]
    ahead = torch.arange(frames, device=rise.device)
    following = rise.gather(1, (start[:, None] + ahead) % frames)
    another = (following > 0) & (following >= _ANOTHER * following[:, :1]) & (ahead >= _SHORTEST)
    return torch.where(another.any(dim=1), another.int().argmax(dim=1), frames)
