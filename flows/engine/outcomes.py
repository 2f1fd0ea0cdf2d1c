"""What comes back of a batch that was sent to another process: its receipt, or the item that no process survived."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from storage.vocabulary import Reason

Item = TypeVar("Item")
Receipt = TypeVar("Receipt")


@dataclass(frozen=True)
class Finished(Generic[Item, Receipt]):
    """A batch that came back: what went in, and the receipt its worker gave."""

    batch: Sequence[Item]
    receipt: Receipt


@dataclass(frozen=True)
class Lost(Generic[Item]):
    """One item whose worker died or ran out of memory each time it was tried."""

    item: Item
    reason: Reason
