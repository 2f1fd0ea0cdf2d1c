import numpy as np
import torch

from storage.vocabulary import ROLES
from tasks.features.cells import BEATS
from tasks.features.cells import cell_powers as cell_powers_of_array
from tasks.training.cell_targets import (
    UNKNOWN,
    CellPowers,
    cell_powers,
    in_order,
    shares_of_single_roles,
    split_by_role,
)

BASS, FX = ROLES.index("bass"), ROLES.index("fx")


def sound(level: float, beats: slice, bands: slice) -> torch.Tensor:
    """One sound (1, 256, 128) of so much power in every frame and mel of some beats and groups of bands."""
    cells = torch.zeros(1, BEATS, 8)
    cells[:, beats, bands] = level
    return cells.repeat_interleave(16, dim=1).repeat_interleave(16, dim=2)


def alone(role: int) -> torch.Tensor:
    labels = torch.zeros(1, len(ROLES))
    labels[0, role] = 1.0
    return shares_of_single_roles(labels, 8)


def test_the_power_of_a_cell_is_the_sum_over_its_frames_and_bands() -> None:
    power = torch.rand(2, 256, 128)
    cells = cell_powers(power)
    assert cells.shape == (2, BEATS, 8)
    torch.testing.assert_close(cells[1, 3, 2], power[1, 48:64, 32:48].sum())


def test_training_and_rendering_agree_on_what_a_cell_is_even_where_the_bands_do_not_divide() -> None:
    power = torch.rand(1, 256, 40)
    np.testing.assert_allclose(cell_powers(power)[0].numpy(), cell_powers_of_array(power[0].numpy()), rtol=1e-4)


def test_the_shares_of_a_known_sum_are_the_powers_of_its_voices_over_their_sum() -> None:
    parts = split_by_role(sound(3.0, slice(0, 8), slice(0, 4)), alone(BASS))
    parts.add(torch.tensor([0]), split_by_role(sound(1.0, slice(4, 16), slice(2, 8)), alone(FX)))
    shares = parts.shares()[0]
    assert shares[0, 0, BASS] == 1.0
    torch.testing.assert_close(shares[5, 3, [BASS, FX]], torch.tensor([0.75, 0.25]))
    assert shares[12, 6, FX] == 1.0
    assert shares[0, 7].sum() == 0.0


def test_two_voices_of_one_role_share_nothing_with_others() -> None:
    parts = split_by_role(sound(1.0, slice(0, 16), slice(0, 8)), alone(FX))
    parts.add(torch.tensor([0]), split_by_role(sound(5.0, slice(0, 16), slice(0, 8)), alone(FX)))
    torch.testing.assert_close(parts.shares()[..., FX], torch.ones(1, BEATS, 8))


def test_a_sum_with_a_voice_of_unknown_parts_is_unknown_whatever_is_added() -> None:
    unknown = torch.full((1, BEATS, 8, len(ROLES)), UNKNOWN)
    power = sound(1.0, slice(0, 16), slice(0, 8))
    parts = CellPowers(torch.zeros(2, BEATS, 8, len(ROLES)), torch.tensor([True, True]))
    parts.add(torch.tensor([1]), split_by_role(power, unknown))
    parts.add(torch.tensor([0, 1]), split_by_role(power.expand(2, -1, -1), alone(BASS).expand(2, -1, -1, -1)))
    shares = parts.shares()
    assert (shares[1] == UNKNOWN).all()
    assert (shares[0, ..., BASS] == 1.0).all()


def test_labels_tell_the_shares_of_one_certain_role_and_of_nothing_else() -> None:
    labels = torch.tensor([[0.0, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0.5], [0, 0, 0, 0, 0, 0]])
    shares = shares_of_single_roles(labels, 8)
    assert (shares[0, ..., 1] == 1).all()
    assert (shares[1:] == UNKNOWN).all()


def test_shares_move_in_time_with_the_sound() -> None:
    shares = torch.arange(BEATS)[None, :, None, None].expand(1, BEATS, 8, len(ROLES)).float()
    later = (torch.arange(256)[None] + 3 * 16) % 256
    assert in_order(shares, later)[0, :, 0, 0].tolist() == [*range(3, 16), 0, 1, 2]
    half = torch.arange(256)[None] // 2
    assert in_order(shares, half)[0, :, 0, 0].tolist() == [place // 2 for place in range(16)]
