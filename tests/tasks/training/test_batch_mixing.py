from dataclasses import replace

import numpy as np
import pytest
import torch

from storage.datasets.lock import Examples
from storage.vocabulary import ROLES
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tasks.training.batch_mixing import BatchMixer, device_for

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
SILENCE = np.log(1e-6)
CENTRES = [5 + 10 * place for place in range(len(ROLES))]


def examples(counts: list[int], mixed: int = 0) -> Examples:
    """Role k sounds in the bands around its own centre and nowhere else; mixed rows hold the first two roles."""
    labels = [[float(place == role) for place in range(len(ROLES))] for role, n in enumerate(counts) for _ in range(n)]
    labels += [[1.0, 1.0, 0.0, 0.0, 0.0, 0.0]] * mixed
    mels = np.full((len(labels), FRAMES, MELS), SILENCE, np.float16)
    for row, wanted in zip(mels, labels, strict=True):
        for role in np.flatnonzero(wanted):
            row[:, CENTRES[role] - 1 : CENTRES[role] + 2] = 0.0
    return Examples(mels, np.array(labels, np.float32), [str(place) for place in range(len(labels))])


def mixer(data: Examples, seed: int = 0) -> BatchMixer:
    return BatchMixer(data, mel_centres(MelConfig()), torch.device("cpu"), torch.Generator().manual_seed(seed))


def sounding_roles(batch: torch.Tensor) -> torch.Tensor:
    """Which roles (rows, roles) sound at all: some band around their centre is far above the floor."""
    return torch.stack(
        [(batch[:, :, centre - 4 : centre + 5] > SILENCE + 4).flatten(1).any(dim=1) for centre in CENTRES], dim=1
    )


def test_a_batch_has_the_shape_of_segments_and_their_roles() -> None:
    batch, wanted = mixer(examples([3] * 6, mixed=2)).draw(8)
    assert batch.shape == (8, FRAMES, MELS)
    assert wanted.shape == (8, len(ROLES))
    assert torch.isfinite(batch).all()
    assert set(wanted.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.usefixtures("only_loops")
@pytest.mark.parametrize("mixed", [0, 4])
def test_wanted_roles_are_the_union_of_what_sounds(mixed: int) -> None:
    batch, wanted = mixer(examples([3] * 6, mixed)).draw(200)
    sounding = sounding_roles(batch)
    assert (wanted[sounding] == 1).all()
    # A stretch of bands may be hidden, and a role with it, but seldom.
    assert sounding[wanted == 1].float().mean() > 0.9
    assert (wanted.sum(dim=1) >= 1).all()


def test_sums_of_several_roles_are_drawn_and_single_roles_too() -> None:
    _, wanted = mixer(examples([3] * 6)).draw(200)
    assert {1, 2, 3} <= set(wanted.sum(dim=1).int().tolist())


def test_every_role_is_drawn_about_equally_often_however_many_loops_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.training.batch_mixing._RENDERED_SHARE", 0.02)
    draws = mixer(examples([40, 1, 2, 5, 20, 3]))
    counts = sum(draws.draw(50)[1].sum(dim=0) for _ in range(12))
    assert counts.max() < 1.35 * counts.min()


def test_half_of_a_batch_is_rendered_rows_and_soft_labels_temper_their_labels() -> None:
    data = examples([2] * 6)
    with_soft_labels = replace(data, soft_labels=np.full_like(data.labels, 0.5))
    _, wanted = mixer(with_soft_labels).draw(40)
    tempered = ((wanted > 0) & (wanted < 1)).any(dim=1)
    assert tempered.tolist() == [True] * 20 + [False] * 20
    assert wanted[:20].unique().tolist() == pytest.approx([0.35, 0.65])


def test_where_nobody_knows_the_label_the_soft_label_is_the_target() -> None:
    data = examples([2] * 6)
    data.labels[:, 5] = -1
    _, wanted = mixer(replace(data, soft_labels=np.full_like(data.labels, 0.25))).draw(40)
    assert wanted[:20, 5].unique().tolist() == [0.25]


def test_a_role_without_loops_is_never_wanted() -> None:
    _, wanted = mixer(examples([3, 3, 3, 0, 3, 3])).draw(100)
    assert not wanted[:, 3].any()


def test_the_generator_decides_everything() -> None:
    data = examples([3] * 6, mixed=2)
    (first, labels), (again, same_labels) = mixer(data).draw(8), mixer(data).draw(8)
    assert torch.equal(first, again)
    assert torch.equal(labels, same_labels)
    assert not torch.equal(first, mixer(data, seed=1).draw(8)[0])


def test_the_data_set_is_left_as_it_was() -> None:
    data = examples([2] * 6)
    before = data.mels.copy()
    mixer(data).draw(8)
    np.testing.assert_array_equal(data.mels, before)


@pytest.mark.parametrize(("size", "home"), [(40, "cuda"), (60, "cpu")])
def test_a_data_set_is_held_on_the_graphics_card_only_if_it_leaves_room_for_training(
    size: int, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 200))
    assert device_for(size, torch.device("cuda")).type == home
    assert device_for(size, torch.device("cpu")).type == "cpu"
