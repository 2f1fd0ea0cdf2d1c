import multiprocessing
from pathlib import Path

import pytest

from storage.quota import DAY_S, MINUTE_S, DayQuotaError, Quota


class Clock:
    """A clock that only moves when somebody waits, or when it is told to."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def most_in(window_s: float, stamps: list[float]) -> int:
    return max(sum(start <= stamp < start + window_s for stamp in stamps) for start in stamps)


def test_never_more_than_a_minutes_and_a_days_requests_across_three_restarts(tmp_path: Path) -> None:
    clock, sent, stops = Clock(), list[float](), 0
    for _ in range(4):  # the first start and three restarts
        quota = Quota(tmp_path / "quota", 60, 2000, clock)
        for number in range(700):
            try:
                quota.take(clock.sleep)
            except DayQuotaError as error:
                stops += 1
                clock.now = error.until
                quota.take(clock.sleep)
            sent.append(clock.now)
            clock.now += 0.2 * (number % 3)
    assert len(sent) == 2800
    assert stops >= 1
    assert most_in(MINUTE_S, sent[:500]) == 60
    counted = sorted(sent)
    for window_s, most in ((MINUTE_S, 60), (DAY_S, 2000)):
        for first, after in zip(counted, counted[most:], strict=False):
            assert after - first >= window_s - 1e-3


def test_the_end_of_the_day_says_when_to_go_on(tmp_path: Path) -> None:
    clock = Clock()
    quota = Quota(tmp_path / "quota", 60, 3, clock)
    for _ in range(3):
        quota.take(clock.sleep)
    with pytest.raises(DayQuotaError, match="until 2001-09-10 01:46 UTC") as caught:
        quota.take(clock.sleep)
    assert caught.value.until == 1e9 + DAY_S
    clock.now = caught.value.until
    assert quota.ask() == 0


def grant(path: Path, tries: int) -> int:
    quota = Quota(path, 60, 2000, lambda: 1e9)
    return sum(quota.ask() == 0 for _ in range(tries))


def test_two_processes_share_one_quota(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        granted = pool.starmap(grant, [(tmp_path / "quota", 50)] * 2)
    assert sum(granted) == 60


def test_a_restart_does_not_forget(tmp_path: Path) -> None:
    clock = Clock()
    assert Quota(tmp_path / "quota", 1, 9, clock).ask() == 0
    assert Quota(tmp_path / "quota", 1, 9, clock).ask() == MINUTE_S
