"""Mixing training batches on the fly: sums of mel powers of loops on the musical time axis, and their labels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from storage.datasets.examples import Examples
from storage.vocabulary import ROLES, Kind
from tasks.evaluation.metrics import kinds_of
from tasks.features.cells import MELS_PER_CELL
from tasks.training.cell_targets import (
    CellPowers,
    cell_powers,
    in_order,
    shares_of_single_roles,
    split_by_role,
)
from tasks.training.sounds.augmentation import (
    FLOOR,
    MOST_SEMITONES,
    equaliser,
    fades,
    hidden,
    levels,
    moved_by_beats,
    moved_in_time,
    pitch_matrices,
    tilt,
    uniform,
)
from tasks.training.sounds.reverberation import reverberated
from tasks.training.sounds.single_hits import single_hits
from tasks.training.sounds.synthetic_drums import synthesise_drums
from tasks.training.sounds.synthetic_effects import synthesise_effects
from tasks.training.sounds.synthetic_notes import NOTE_STYLES, synthesise_notes

_RENDERED_SHARE: Final = 0.35
"""Share of a batch that is rows of the data set as they were rendered."""
_RENDERED_KINDS: Final = {"mix": 0.45, "loop": 0.2, "cut": 0.35, "oneshot": 0.1}
_TEACHER_WEIGHT: Final = 0.7
"""Weight of a teacher's soft label on a rendered row, beside its own label."""
_MIX_SHARE: Final = 0.05
_CUT_SHARE: Final = 0.3
_BARE_CUTS: Final = 0.6
"""Share of cuts to which no loop is added."""
_HIT_SHARE: Final = 0.08
"""Share of sums that are one hit or note, as a one-shot is heard."""
_ONE_SHOTS: Final = 0.5
"""Share of these that are one-shots by themselves; the others are cut out of loops."""
_SYNTHETIC: Final = {"percussion": 0.12, "fx": 0.3, "bass": 0.2, "melody": 0.2, "chords": 0.3}
"""Share of voices of a role that are synthetic instead of a loop; a one-shot is never replaced."""
_WET: Final = {"percussion": 0.25, "bass": 0.08, "fx": 0.1, "melody": 0.15, "chords": 0.1, "vocal": 0.15}
"""Share of voices of a role that get a reverberation, which makes nothing else of them."""
_MORE_VOICES: Final = (0.42, 0.22, 0.15, 0.11, 0.06, 0.04)
_LOWEST_DB: Final = (-4.0, *[-16.0] * 5)
_HIGHEST_DB: Final = 2.0
_UNKNOWN: Final = 0.5
"""Between off and on, so the greatest label over the voices is unknown unless some voice is on."""


@dataclass(frozen=True)
class MixedBatch:
    """Log-mels (rows, frames, mels), wanted roles (rows, roles), shares of cells (rows, beats, bands, roles).

    Both are -1 where nobody knows; the powers of cells (rows, beats, bands) are those of the log-mels.
    """

    mels: Tensor
    wanted: Tensor
    shares: Tensor
    powers: Tensor

    def dealt(self, batches: int) -> Iterator["MixedBatch"]:
        """The rows dealt to so many batches, each with its share of every kind of row."""
        for first in range(batches):
            rows = slice(first, None, batches)
            yield MixedBatch(self.mels[rows], self.wanted[rows], self.shares[rows], self.powers[rows])


@dataclass(frozen=True)
class RowPool:
    """Rows of a data set (n,), and how often each is drawn (n,)."""

    rows: Tensor
    weights: Tensor

    @classmethod
    def of(cls, chosen: NDArray[np.bool_], units: Sequence[str] | None, device: torch.device) -> "RowPool":
        """The chosen rows; those of one unit come as often as the root of their number, alike without units."""
        rows = chosen.nonzero()[0]
        names = [units[row] for row in rows.tolist()] if units is not None else [""] * len(rows)
        counts = Counter(names)
        weights = np.array([counts[name] ** -0.5 for name in names], np.float64)
        return cls(torch.from_numpy(rows).to(device), torch.from_numpy(weights).to(device))

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """Some rows (count,), one of them perhaps several times."""
        return self.rows[torch.multinomial(self.weights, count, replacement=True, generator=random)]


class BatchMixer:
    """Draws batches from a data set: its rows as they were rendered, and new sums of them.

    The targets of rendered rows are their labels, or lie between these and a teacher's soft labels, which tell how
    alike roles sound (Hinton, Vinyals and Dean, 2015). A new sum starts from a rendered mix, a cut of a composition,
    or a single loop of a role drawn evenly, and gets up to five more single loops; the loops and cuts of one author,
    pack or composition come as often as the root of their number, so that no one sound designer is most of what a
    role sounds like. A few are a single hit or note instead: a one-shot, or one that is cut out of a loop. The wanted
    roles are the union (-1 where it is unknown), which is mixup for labels that add up. Each voice of it is moved in
    time and pitch and has its own level, equaliser and fades; some are synthetic, some reverberate. All are levelled,
    tilted a little, and a stretch of time and one of frequency hidden.
    """

    def __init__(
        self, examples: Examples, hertz: NDArray[np.float32], device: torch.device, random: torch.Generator
    ) -> None:
        """Keep the whole data set on `device`, if it fits; all draws come from `random`, which is on it too.

        `hertz` (mels,) are the centres of the mel bands.
        """
        labels = examples.labels
        self.device = device
        self._random = random
        self._mels = torch.from_numpy(examples.mels).to(device_for(examples.mels.nbytes, device))
        self._labels = torch.from_numpy(np.where(labels < 0, np.float32(_UNKNOWN), labels)).to(device)
        self._hertz = torch.from_numpy(hertz).to(device)
        self._pitches = pitch_matrices(torch.from_numpy(hertz)).to(device)
        kinds, counts = kinds_of(examples.mix_ids), (labels > 0).sum(axis=1)
        cut, one_shot = kinds == "cut", kinds == Kind.ONESHOT
        self._cuts = RowPool.of(cut, examples.units, device)
        self._mixed = RowPool.of(~cut & (counts > 1), None, device)
        self._singles = _by_role(~cut & ~one_shot & (counts == 1), examples, device)
        self._one_shots = _by_role(one_shot & (counts == 1), examples, device)
        self._is_one_shot = torch.from_numpy(one_shot).to(device)
        self._targets = torch.from_numpy(_targets(examples)).to(device)
        self._shares = self._known_shares(examples).to(device)
        self._weights = torch.from_numpy(row_weights(examples.mix_ids, _RENDERED_KINDS)).to(device)

    def draw(self, rows: int) -> MixedBatch:
        """A new batch."""
        with self.device:
            return self._drawn(rows)

    def _drawn(self, rows: int) -> MixedBatch:
        rendered = round(_RENDERED_SHARE * rows)
        (rendered_rows, labels, parted), (sums, union, parts) = (
            self._rendered(rendered),
            self._new_mixes(rows - rendered),
        )
        mels = self._finished(torch.cat([rendered_rows, sums]))
        return MixedBatch(mels, torch.cat([labels, union]), torch.cat([parted, parts]), cell_powers(torch.exp(mels)))

    def _known_shares(self, examples: Examples) -> Tensor:
        """Shares of all rows: as they were measured, or at least those of rows with one role."""
        if examples.shares is not None:
            return torch.from_numpy(examples.shares)
        bands = -(-examples.mels.shape[2] // MELS_PER_CELL)
        return shares_of_single_roles(torch.from_numpy(examples.labels), bands).half()

    def _rendered(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Mel powers (rows, frames, mels) of rows as they are, moved in time by whole beats, what is wanted, shares."""
        chosen = torch.multinomial(self._weights, rows, replacement=True, generator=self._random)
        times = moved_by_beats(rows, self._mels.shape[1], self._random)
        return self._powers(chosen, times), self._targets[chosen], self._shares_of(chosen, times)

    def _shares_of(self, chosen: Tensor, times: Tensor) -> Tensor:
        """Shares (rows, beats, bands, roles) of the chosen rows (rows,), their frames in the order of `times`."""
        return in_order(self._shares[chosen].float(), times)

    def _powers(self, chosen: Tensor, times: Tensor) -> Tensor:
        """Mel powers (rows, frames, mels) of the chosen rows (rows,), their frames in the order of `times`."""
        home = self._mels.device
        mels = self._mels[chosen.to(home)[:, None], times.to(home)].to(self.device).float()
        return (torch.exp(mels) - FLOOR).clamp(min=0)

    def _new_mixes(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Mel powers (rows, frames, mels) of new sums, the union of their roles, each role's shares of their cells."""
        first, more, hits = self._first(rows)
        power, wanted, parts = self._voices(first, 0, hits)
        for place in range(1, len(_MORE_VOICES)):
            sounding = (place <= more).nonzero()[:, 0]
            if len(sounding):
                voice, roles, parted = self._voices(self._single(len(sounding)), place)
                power[sounding] += voice
                wanted[sounding] = torch.maximum(wanted[sounding], roles)
                parts.add(sounding, parted)
        return power, wanted.masked_fill(wanted == _UNKNOWN, -1.0), parts.shares()

    def _first(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """The first loop or mix of each row, how many more voices are added, and whether it is but one hit."""
        first, kind = self._single(rows), uniform(rows, self._random)
        more = torch.multinomial(torch.tensor(_MORE_VOICES), rows, replacement=True, generator=self._random)
        if len(self._mixed.rows):
            first = torch.where(kind < _MIX_SHARE, self._mixed.draw(rows, self._random), first)
        if len(self._cuts.rows):
            cut = kind >= 1 - _CUT_SHARE
            first = torch.where(cut, self._cuts.draw(rows, self._random), first)
            more = more.masked_fill(cut & (uniform(rows, self._random) < _BARE_CUTS), 0)
        hits = (kind >= _MIX_SHARE) & (kind < _MIX_SHARE + _HIT_SHARE)
        more = more.masked_fill(hits, 0)
        if self._one_shots:
            whole = hits & (uniform(rows, self._random) < _ONE_SHOTS)
            first, hits = torch.where(whole, self._evenly(self._one_shots, rows), first), hits & ~whole
        return first, more, hits

    def _single(self, rows: int) -> Tensor:
        """Rows with one role, every role as often as the others."""
        return self._evenly(self._singles, rows)

    def _evenly(self, pools: Sequence[RowPool], rows: int) -> Tensor:
        """Rows (rows,) from several pools, from each as often as from the others."""
        chosen = torch.stack([pool.draw(rows, self._random) for pool in pools])
        return chosen[torch.randint(len(pools), (rows,), generator=self._random), torch.arange(rows)]

    def _voices(self, chosen: Tensor, place: int, hits: Tensor | None = None) -> tuple[Tensor, Tensor, CellPowers]:
        """Mel powers (voices, frames, mels) of the chosen rows, changed each in its own way, their labels and parts.

        Of those that are `hits` only one hit is left.
        """
        random, frames, bands = self._random, self._mels.shape[1], self._mels.shape[2]
        labels = self._labels[chosen]
        times = moved_in_time(len(chosen), frames, random)
        # A one-shot always begins where its file does.
        times = torch.where(self._is_one_shot[chosen][:, None], torch.arange(frames), times)
        pitches = torch.randint(2 * MOST_SEMITONES + 1, chosen.shape, generator=random)
        power = torch.bmm(self._powers(chosen, times), self._pitches[pitches])
        for role, share in _SYNTHETIC.items():
            places = self._of_role_alone(labels, role, share)
            places = places[~self._is_one_shot[chosen[places]]]
            if len(places):
                power[places] = self._synthesise(role, len(places))
        if hits is not None and hits.any():
            power[hits] = single_hits(power[hits], random)
        for role, share in _WET.items():
            wet = self._of_role_alone(labels, role, share)
            if len(wet):
                power[wet] = reverberated(power[wet], random)
        slow = levels(len(chosen), _LOWEST_DB[place], _HIGHEST_DB, random) * fades(len(chosen), frames, random)
        power = power * slow * equaliser(len(chosen), bands, random)
        return power, labels, split_by_role(power, self._shares_of(chosen, times))

    def _of_role_alone(self, labels: Tensor, role: str, share: float) -> Tensor:
        """A share of the voices of this role alone, by their places."""
        place = ROLES.index(role)
        alone = (labels[:, place] == 1) & ((labels > 0).sum(dim=1) == 1)
        return (alone & (uniform(len(labels), self._random) < share)).nonzero()[:, 0]

    def _synthesise(self, role: str, rows: int) -> Tensor:
        """Mel powers (rows, frames, mels) of synthetic voices."""
        frames = self._mels.shape[1]
        if role == "fx":
            return synthesise_effects(rows, frames, self._hertz, self._random)
        if role == "percussion":
            return synthesise_drums(rows, frames, self._hertz, self._random)
        return synthesise_notes(NOTE_STYLES[role], rows, frames, self._hertz, self._random)

    def _finished(self, power: Tensor) -> Tensor:
        """The log-mels of the sums, levelled, tilted, partly masked."""
        rows, frames, bands = power.shape
        power = power / power.sum(dim=2).mean(dim=1).clamp(min=1e-4)[:, None, None]
        gains = levels(rows, -18.0, 3.0, self._random) * tilt(rows, bands, self._random)
        batch = torch.log(power * gains + FLOOR)
        mask = hidden(rows, frames, bands, self._random)
        return batch.masked_fill(mask, float(np.log(FLOOR)))


def _by_role(chosen: NDArray[np.bool_], examples: Examples, device: torch.device) -> list[RowPool]:
    """The chosen rows apart for each role that has any."""
    pools = [
        RowPool.of(chosen & (examples.labels[:, place] > 0), examples.units, device)
        for place in range(examples.labels.shape[1])
    ]
    return [pool for pool in pools if len(pool.rows)]


def device_for(size: int, device: torch.device) -> torch.device:
    """The device for a data set of so many bytes: the graphics card, if that leaves half of its free memory."""
    if device.type == "cuda" and size > torch.cuda.mem_get_info(device)[0] / 2:
        return torch.device("cpu")
    return device


def _targets(examples: Examples) -> NDArray[np.float32]:
    """The targets of rendered rows (n, roles): labels, or labels and soft labels; where unknown, the soft label."""
    labels, soft_labels = examples.labels, examples.soft_labels
    if soft_labels is None:
        return labels
    between = (1 - _TEACHER_WEIGHT) * labels + _TEACHER_WEIGHT * soft_labels
    return np.where(labels < 0, soft_labels, between).astype(np.float32)


def row_weights(mix_ids: Sequence[str], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """How often to draw each row (n,) so that every kind comes by its share; rows of a kind come alike."""
    kinds = kinds_of(mix_ids)
    weights = np.zeros(len(kinds))
    for kind in np.unique(kinds):
        weights[kinds == kind] = shares.get(str(kind), 1.0) / (kinds == kind).sum()
    return weights
