import numpy as np
import pytest

from tasks.features.chroma import REGISTERS
from tasks.key_training.simulated import WINDOWS, simulated_passage


@pytest.mark.parametrize("minor", [False, True])
def test_what_is_simulated_plays_the_notes_of_its_key(minor: bool) -> None:
    random = np.random.default_rng(1)
    total = np.zeros(12)
    for _ in range(200):
        passage = simulated_passage(minor, 0, random)
        assert passage.shape == (WINDOWS, REGISTERS, 12)
        total += passage.sum(axis=(0, 1)) / passage.sum()
    thirds = {False: (4, 3), True: (3, 4)}[minor]
    assert total.argmax() == 0
    assert total[7] > total[6]
    assert total[thirds[0]] > 1.5 * total[thirds[1]]


def test_a_tonic_transposes_the_whole_passage() -> None:
    plain, moved = (simulated_passage(True, tonic, np.random.default_rng(4)).sum(axis=1) for tonic in (0, 5))
    assert np.corrcoef(np.roll(plain, 5, axis=1).ravel(), moved.ravel())[0, 1] > 0.98
