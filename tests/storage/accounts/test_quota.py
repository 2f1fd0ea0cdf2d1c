import multiprocessing
import random
from bisect import bisect_left
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

from storage.accounts.quota import DAY_S, MINUTE_S, DayQuotaError, Quota


class Clock:
    """A clock that only moves when somebody waits, or when it is told to."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class SharedClock:
    """A clock that two processes share: it moves when one of them waits or works, and never back."""

    def __init__(self, now: "Synchronized[float]") -> None:
        self.shared, self.seen = now, 0.0

    def __call__(self) -> float:
        with self.shared.get_lock():
            self.seen = self.shared.value
            return self.seen

    def move_to(self, then: float) -> None:
        with self.shared.get_lock():
            self.shared.value = max(self.shared.value, then)


def send(path: Path, now: "Synchronized[float]", seed: int, requests: int, granted: "Queue[list[float]]") -> None:
    """One process: asks for its requests, waits as it is told, and says when each was granted."""
    clock, luck = SharedClock(now), random.Random(seed)
    quota, stamps, stops = Quota(path, 60, 2000, clock), list[float](), 0
    while len(stamps) < requests:
        try:
            quota.take(lambda seconds: clock.move_to(clock.seen + seconds))
        except DayQuotaError as error:
            stops += 1
            clock.move_to(error.until)
            continue
        stamps.append(clock.seen)
        clock.move_to(clock.seen + luck.choice([0.0, 0.1, 2.0]))
    granted.put([float(stops), *stamps])


def test_never_more_than_60_a_minute_and_2000_a_day_over_three_restarts_of_two_parallel_processes(
    tmp_path: Path,
) -> None:
    spawn = multiprocessing.get_context("spawn")
    now, granted, sent, stops = spawn.Value("d", 1e9), spawn.Queue(), list[float](), 0.0
    for start in range(4):  # the first start and three restarts
        pair = [
            spawn.Process(target=send, args=(tmp_path / "quota", now, 2 * start + number, 350, granted))
            for number in range(2)
        ]
        for process in pair:
            process.start()
        for _ in pair:
            said = granted.get(timeout=120)
            stops, sent = stops + said[0], sent + said[1:]
        for process in pair:
            process.join()
    counted = sorted(sent)
    assert len(counted) == 4 * 2 * 350
    minute, day = most_in(MINUTE_S, counted), most_in(DAY_S, counted)
    print(f"{len(counted)} requests: at most {minute} in a minute, {day} in a day; the day ended {stops:.0f} times")
    assert (minute, day) == (60, 2000)
    assert stops >= 2


def most_in(window_s: float, stamps: list[float]) -> int:
    """The most stamps in any window; one that stands a whole window after another is in the next."""
    return max(bisect_left(stamps, first + window_s - 1e-3) - place for place, first in enumerate(stamps))


def test_two_processes_share_the_day_too(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sum(pool.starmap(grant_all_day, [(tmp_path / "quota", 700)] * 2)) == 1000


def grant_all_day(path: Path, tries: int) -> int:
    quota, granted = Quota(path, 5000, 1000, lambda: 1e9), 0
    for _ in range(tries):
        try:
            granted += quota.ask() == 0
        except DayQuotaError:
            break
    return granted


def test_a_file_that_was_torn_or_has_grown_old_is_written_anew(tmp_path: Path) -> None:
    path, clock = tmp_path / "quota", Clock()
    quota = Quota(path, 5, 5, clock)
    for _ in range(30):
        assert quota.ask() == 0
        clock.now += DAY_S / 4
    assert path.stat().st_size <= 8 * (2 * 5 + 1)
    path.write_bytes(path.read_bytes() + b"torn")
    assert quota.ask() == 0
    assert path.stat().st_size % 8 == 0


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
