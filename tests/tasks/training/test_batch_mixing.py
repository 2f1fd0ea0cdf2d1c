from dataclasses import replace

import numpy as np
import pytest
import torch

from storage.datasets.examples import Examples
from storage.vocabulary import ROLES
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tasks.training.batch_mixing import BatchMixer, RowPool, device_for

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
        [(batch[:, :, centre - 4 : centre + 5] > SILENCE + 6).flatten(1).any(dim=1) for centre in CENTRES], dim=1
    )


def test_a_batch_has_the_shape_of_segments_and_their_roles() -> None:
    drawn = mixer(examples([3] * 6, mixed=2)).draw(8)
    batch, wanted = drawn.mels, drawn.wanted
    assert batch.shape == (8, FRAMES, MELS)
    assert wanted.shape == (8, len(ROLES))
    assert torch.isfinite(batch).all()
    assert set(wanted.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.usefixtures("only_loops")
@pytest.mark.parametrize("mixed", [0, 4])
def test_wanted_roles_are_the_union_of_what_sounds(mixed: int) -> None:
    drawn = mixer(examples([3] * 6, mixed)).draw(200)
    wanted, sounding = drawn.wanted, sounding_roles(drawn.mels)
    assert (wanted[sounding] == 1).all()
    # A stretch of bands may be hidden, and a role with it, but seldom.
    assert sounding[wanted == 1].float().mean() > 0.9
    assert (wanted.sum(dim=1) >= 1).all()


def test_sums_of_several_roles_are_drawn_and_single_roles_too() -> None:
    wanted = mixer(examples([3] * 6)).draw(200).wanted
    assert {1, 2, 3} <= set(wanted.sum(dim=1).int().tolist())


def test_every_role_is_drawn_about_equally_often_however_many_loops_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.training.batch_mixing._RENDERED_SHARE", 0.02)
    draws = mixer(examples([40, 1, 2, 5, 20, 3]))
    counts = sum(draws.draw(50).wanted.sum(dim=0) for _ in range(12))
    assert counts.max() < 1.35 * counts.min()


def test_the_loops_of_one_author_come_as_often_as_the_root_of_their_number() -> None:
    pool = RowPool.of(np.arange(20) > 2, ["elsewhere"] * 3 + ["prolific"] * 16 + ["other"], torch.device("cpu"))
    drawn = pool.draw(3000, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == set(range(3, 20))
    assert (drawn == 19).float().mean() == pytest.approx(1 / 5, abs=0.03)


@pytest.mark.usefixtures("only_loops")
def test_a_one_shot_is_heard_alone_and_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.training.batch_mixing._RENDERED_SHARE", 1 / 60)
    monkeypatch.setattr("tasks.training.batch_mixing._HIT_SHARE", 1.0)
    monkeypatch.setattr("tasks.training.batch_mixing._ONE_SHOTS", 1.0)
    monkeypatch.setattr("tasks.training.batch_mixing._MIX_SHARE", 0.0)
    monkeypatch.setattr("tasks.training.batch_mixing._SYNTHETIC", {"bass": 1.0})
    data = examples([3, 3, 0, 0, 0, 0])
    one_shots = [f"oneshot-{name}" if int(name) < 3 else f"loop-{name}" for name in data.mix_ids]
    data.mels[:3, FRAMES // 2 :] = SILENCE
    drawn = mixer(replace(data, mix_ids=one_shots)).draw(60)
    assert (drawn.wanted[1:] == torch.tensor([1.0, 0, 0, 0, 0, 0])).all()
    sounding = (drawn.mels[1:, :, CENTRES[0]] > SILENCE + 6).float().mean(dim=0)
    assert sounding[: FRAMES // 2].mean() > 0.7
    assert sounding[FRAMES // 2 :].max() == 0


def test_batches_that_are_drawn_together_have_the_same_kinds_of_rows() -> None:
    drawn = mixer(examples([3] * 6)).draw(40)
    batches = list(drawn.dealt(4))
    assert [len(batch.mels) for batch in batches] == [10] * 4
    assert torch.equal(torch.cat([batch.mels for batch in batches]).sort(dim=0)[0], drawn.mels.sort(dim=0)[0])
    assert torch.equal(batches[1].wanted, drawn.wanted[1::4])


def test_a_third_of_a_batch_is_rendered_rows_and_soft_labels_temper_their_labels() -> None:
    data = examples([2] * 6)
    with_soft_labels = replace(data, soft_labels=np.full_like(data.labels, 0.5))
    wanted = mixer(with_soft_labels).draw(40).wanted
    tempered = ((wanted > 0) & (wanted < 1)).any(dim=1)
    assert tempered.tolist() == [True] * 14 + [False] * 26
    assert wanted[:14].unique().tolist() == pytest.approx([0.35, 0.65])


def test_where_nobody_knows_the_label_the_soft_label_is_the_target() -> None:
    data = examples([2] * 6)
    data.labels[:, 5] = -1
    wanted = mixer(replace(data, soft_labels=np.full_like(data.labels, 0.25))).draw(40).wanted
    assert wanted[:14, 5].unique().tolist() == [0.25]


def test_a_role_without_loops_is_never_wanted() -> None:
    wanted = mixer(examples([3, 3, 3, 0, 3, 3])).draw(100).wanted
    assert not wanted[:, 3].any()


def test_the_generator_decides_everything() -> None:
    data = examples([3] * 6, mixed=2)
    first, again = mixer(data).draw(8), mixer(data).draw(8)
    assert torch.equal(first.mels, again.mels)
    assert torch.equal(first.wanted, again.wanted)
    assert torch.equal(first.shares, again.shares)
    assert not torch.equal(first.mels, mixer(data, seed=1).draw(8).mels)


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


@pytest.mark.usefixtures("only_loops")
def test_every_cell_of_a_sum_belongs_to_the_roles_that_sound_there() -> None:
    drawn = mixer(examples([3] * 6)).draw(100)
    loud = (drawn.powers > 0.01)[..., None]  # the floor of a cell is a fortieth of that
    assert (drawn.shares >= 0).all()
    for role, centre in enumerate(CENTRES):
        bands = {(centre - 1) // 16, (centre + 1) // 16}
        elsewhere = [band for band in range(8) if band not in bands]
        assert (drawn.shares * loud)[:, :, elsewhere, role].max() < 1e-3
        sounding = drawn.wanted[:, role] == 1
        assert (drawn.shares[sounding, :, centre // 16, role].amax(dim=1) > 0).all()
        assert (drawn.shares[~sounding][..., role] == 0).all()


def test_measured_shares_move_with_their_row_and_unknown_ones_stay_unknown() -> None:
    data = examples([1] * 6, mixed=4)
    measured = np.zeros((10, 16, 8, len(ROLES)), np.float16)
    measured[:, 3, :, 0] = 1
    measured[:, [beat for beat in range(16) if beat != 3], :, 1] = 1
    drawn = mixer(replace(data, shares=measured)).draw(40)
    rendered = drawn.shares[:14]
    assert (rendered[:, :, 0, 0].sum(dim=1) == 1).all()
    assert len(rendered[:, :, 0, 0].argmax(dim=1).unique()) > 3
    plain = mixer(data).draw(40)
    mixed = plain.wanted[:14].sum(dim=1) == 2
    assert mixed.any()
    assert (plain.shares[:14][mixed] == -1).all()
    assert (plain.shares[:14][~mixed] >= 0).all()
