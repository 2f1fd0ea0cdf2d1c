import pytest

from storage.vocabulary import COMMON_ROLES, ROLES, Reason


def test_the_six_roles_stand_in_their_one_order() -> None:
    assert ROLES == ("bass", "percussion", "fx", "melody", "chords", "vocal")
    assert (*COMMON_ROLES, "vocal") == ROLES


@pytest.mark.parametrize("reason", Reason)
def test_only_what_does_not_lie_in_the_bytes_may_be_retried(reason: Reason) -> None:
    assert reason.retryable == (
        reason in {"timeout", "oom", "worker_killed", "vanished", "permission", "network", "throttled"}
    )
