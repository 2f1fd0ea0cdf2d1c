"""Logging in to Freesound and downloading originals: tokens renew themselves and appear nowhere."""

import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from storage.accounts.quota import DayQuotaError
from storage.accounts.tokens import TokenFile, Tokens
from storage.errors import UserError
from tasks.http.client import GoneError, RequestError, RetryPolicy, TransientError
from tasks.sources.freesound_login import Application, Login, LoginError, read_code
from tasks.sources.freesound_originals import Originals
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, limited, sound, wav
from tests.doubles.freesound_login import CLIENT_ID, TOKEN_S


@dataclass
class Person:
    """Somebody with an application, and a clock that stands still until it is moved."""

    folder: Path
    secret: str = field(default=KEY, repr=False)
    now: float = 1e9
    waits: list[float] = field(default_factory=list)
    granted: list[int] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def application(self, double: FreesoundDouble) -> Application:
        retries = RetryPolicy(attempts=4, sleep=self.waits.append, luck=lambda: 1.0)
        return Application(double.url, CLIENT_ID, self.secret, requests.Session(), retries, self)

    def login(self, double: FreesoundDouble) -> Login:
        return Login(self.application(double), TokenFile(self.folder / "logins" / "freesound.json"))

    def originals(self, double: FreesoundDouble) -> Originals:
        login = self.login(double)
        session, retries = login.application.session, login.application.retries
        return Originals(double.url, login, session, lambda: self.granted.append(1), retries, self)

    def log_in(self, double: FreesoundDouble) -> Login:
        login = self.login(double)
        login.store.write(login.application.exchange(code_on(login.application.page)))
        return login


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def code_on(page: str) -> str:
    """What a browser shows after a person allowed the application."""
    return read_code(f"https://x/{requests.get(page, allow_redirects=False).headers['Location']}")


def test_a_login_is_kept_in_a_file_for_its_owner_alone_and_serves_until_it_is_about_to_expire(person: Person) -> None:
    with freesound([], person) as double:
        login = person.log_in(double)
        file = person.folder / "logins" / "freesound.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert parse_qs(urlsplit(login.application.page).query) == {"client_id": [CLIENT_ID], "response_type": ["code"]}
        first = login.token()
        assert (first, double.logins.grants) == (double.logins.access, ["authorization_code"])
        person.now += TOKEN_S - 61
        assert login.token() == first
        person.now += 1
        renewed = login.token()
        assert renewed != first
        assert (renewed, double.logins.grants[1:]) == (double.logins.access, ["refresh_token"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_parallel_fetches_renew_a_login_once(person: Person) -> None:
    with freesound([], person) as double, ThreadPoolExecutor(8) as threads:
        person.log_in(double)
        person.now += TOKEN_S
        logins = [person.login(double) for _ in range(8)]
        assert {*threads.map(Login.token, logins)} == {double.logins.access}
        assert double.logins.grants == ["authorization_code", "refresh_token"]


def test_an_original_comes_whole_with_the_digest_that_was_named_and_within_the_quota(person: Person) -> None:
    with freesound([sound(7)], person) as double:
        person.log_in(double)
        target = person.folder / "originals" / "7.wav"
        double.cuts, double.failures = [10], [(500, "Server error")]
        person.originals(double).fetch(sound(7), target)
        assert target.read_bytes() == wav(7)
        assert len(person.granted) == 3
        double.gone = {7}
        with pytest.raises(GoneError):
            person.originals(double).fetch(sound(7), target.with_name("again.wav"))
        double.gone = set()
        with pytest.raises(TransientError, match="other bytes came than those whose md5"):
            person.originals(double).fetch(sound(7, md5="0" * 32), target.with_name("other.wav"))
        assert [path.name for path in target.parent.iterdir()] == ["7.wav"]


def test_a_token_that_another_process_ended_is_replaced_once(person: Person) -> None:
    with freesound([sound(7)], person) as double:
        login = person.log_in(double)
        double.logins.access = "taken over"
        person.originals(double).fetch(sound(7), person.folder / "7.wav")
        assert double.logins.grants == ["authorization_code", "refresh_token"]
        login.store.write(replace(login.store.read() or Tokens("", "", 0), access="odd"))
        double.logins.refresh = "revoked"
        with pytest.raises(LoginError, match="not granted"):
            person.originals(double).fetch(sound(7), person.folder / "8.wav")


def test_the_end_of_the_day_holds_for_originals_too(person: Person) -> None:
    with freesound([sound(7)], person) as double:
        person.log_in(double)
        double.failures = [limited("60/minute"), limited("2000/day")]
        with pytest.raises(DayQuotaError):
            person.originals(double).fetch(sound(7), person.folder / "7.wav")
        assert person.waits == [60.0]


def test_no_login_or_a_bad_one_says_what_to_do(person: Person) -> None:
    with freesound([], person) as double:
        with pytest.raises(LoginError, match="run rolecall fetch freesound-login"):
            person.login(double).token()
        with pytest.raises(LoginError, match=r"not granted \(invalid_grant\)"):
            person.application(double).exchange("0dd-code")
        with pytest.raises(LoginError, match="does not know this application"):
            replace(person.application(double), secret="wr0ng").exchange("0dd-code")
        with pytest.raises(LoginError, match="only over https"):
            replace(person.application(double), base="http://example.org/apiv2").exchange("0dd-code")
        double.logins.denies = True
        with pytest.raises(LoginError, match="access was denied"):
            code_on(person.application(double).page)
    with pytest.raises(RequestError, match="ConnectionError"):
        person.application(double).exchange("0dd-code")


@pytest.mark.parametrize("typed", ["", "  \n", "two words", "https://freesound.org/home/"])
def test_what_holds_no_code_is_refused(typed: str) -> None:
    with pytest.raises(LoginError, match="no code"):
        read_code(typed)


def test_no_secret_is_in_a_message_or_a_representation(person: Person, tmp_path: Path) -> None:
    with freesound([], person) as double:
        login = person.log_in(double)
        tokens = login.store.read()
        said = [repr(login), repr(person.originals(double)), repr(tokens), str(tokens)]
        double.logins.refresh = "revoked"
        person.now += TOKEN_S
        with pytest.raises(LoginError) as caught:
            login.token()
        said.append("".join(traceback.format_exception(caught.value)))
        assert [one for one in said for secret in (KEY, *double.logins.given) if secret in one] == []
    broken = TokenFile(tmp_path / "broken.json")
    broken.path.write_text("s3cret")
    with pytest.raises(UserError, match="log in again") as refused:
        broken.read()
    assert "s3cret" not in str(refused.value)
