"""How long and how often the Hub is asked, and what its answers may look like."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.hf_api import ModelInfo

from zoo.errors import InputError, NetworkError
from zoo_hub.client.errors import explain
from zoo_hub.client.retry import retrying
from zoo_hub.client.session import on_request, on_response
from zoo_hub.client.watch import LONGEST_PAUSE, PAUSES, LateError, Watch, current_watch, time_limit
from zoo_hub.repository.listing import fetch_listing

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT, SHA256 = "c" * 40, "5" * 64


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("zoo_hub.client.retry.time", clock)
    return clock


def answer(status: int, **headers: str) -> HfHubHTTPError:
    request = httpx2.Request("GET", "http://127.0.0.1/x")
    response = httpx2.Response(status, headers=headers, request=request)
    return HfHubHTTPError(str(status), response=response)


def failing(*errors: BaseException) -> tuple[list[int], Any]:
    """Return a list that grows at each call, and a call that raises these errors, one each time, and then returns 7."""
    calls: list[int] = []

    def call() -> int:
        calls.append(len(calls))
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return 7

    return calls, call


@pytest.mark.parametrize(
    "error",
    [
        answer(503),
        answer(429),
        answer(408),
        httpx2.ReadError("reset"),
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("timed out"),
        OSError("Consistency check failed"),
    ],
)
def test_what_is_tried_again(clock: Clock, error: Exception) -> None:
    calls, call = failing(error, error)
    assert retrying(call, Watch("me/camel")) == 7
    assert len(calls) == 3
    assert clock.slept == list(PAUSES[:2])


@pytest.mark.parametrize(
    "error",
    [
        answer(401),
        answer(404),
        answer(412),
        answer(501),
        OfflineModeIsEnabled("offline"),
        OSError(28, "No space left on device"),
        ValueError("a fault of ours"),
        InputError("no"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_not_tried_again(clock: Clock, error: BaseException) -> None:
    calls, call = failing(error)
    with pytest.raises(type(error)):
        retrying(call, Watch("me/camel"))
    assert (len(calls), clock.slept) == (1, [])


def test_a_wrapped_error_counts_as_what_it_wraps(clock: Clock) -> None:
    wrapped = LocalEntryNotFoundError("no copy")
    wrapped.__cause__ = answer(503)
    calls, call = failing(wrapped)
    assert (retrying(call, Watch("me/camel")), len(calls), len(clock.slept)) == (7, 2, 1)


def test_the_pauses_grow_and_end(clock: Clock) -> None:
    calls, call = failing(*[answer(503)] * 20)
    with pytest.raises(HfHubHTTPError):
        retrying(call, Watch("me/camel"))
    assert len(calls) == 1 + len(PAUSES)
    assert clock.slept == list(PAUSES)
    assert all(later == 2 * earlier for earlier, later in pairwise(PAUSES))


@pytest.mark.parametrize(
    ("header", "slept"),
    [("3", [3.0]), ("30", [30.0]), ("0", [0.25]), ("soon", [0.25]), ("-5", [0.25]), ("²", [0.25])],
)
def test_retry_after_is_honoured(clock: Clock, header: str, slept: list[float]) -> None:
    error = answer(429)
    error.response.headers = httpx2.Headers([(b"Retry-After", header.encode("latin-1"))])
    _, call = failing(error)
    assert retrying(call, Watch("me/camel")) == 7
    assert clock.slept == slept


def test_nobody_waits_longer_than_the_cap(clock: Clock) -> None:
    seconds = int(LONGEST_PAUSE) + 1
    calls, call = failing(answer(429, **{"Retry-After": str(seconds)}))
    with pytest.raises(HfHubHTTPError) as error:
        retrying(call, Watch("me/camel"))
    assert (len(calls), clock.slept) == (1, [])
    sentence = f"me/camel: the Hub got too many requests (429). Try again in {seconds} seconds"
    assert explain(error.value, "me/camel", None) == sentence


def test_no_pause_reaches_past_the_end(clock: Clock) -> None:
    calls, call = failing(*[answer(503)] * 20)
    with pytest.raises(HfHubHTTPError):
        retrying(call, Watch("me/camel", seconds=2.0))
    assert (len(calls), sum(clock.slept)) == (4, 1.75)


def test_a_call_that_used_up_its_time_is_late(clock: Clock) -> None:
    def call() -> None:
        clock.now += 61
        raise httpx2.ReadTimeout("timed out")

    with pytest.raises(LateError) as error:
        retrying(call, Watch("me/camel", "samples.png"))
    assert str(error.value) == (
        "me/camel: samples.png did not come within 60 seconds. "
        "Check the connection, or set ZOO_HUB_TIMEOUT to more seconds"
    )


def test_the_watch_is_over_when_the_call_is() -> None:
    watch = Watch("me/camel")
    assert retrying(current_watch, watch) is not None
    assert current_watch() is None


@pytest.mark.parametrize(("text", "seconds"), [("", 60.0), ("5", 5.0), ("0.5", 0.5)])
def test_time_limit(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", text)
    assert time_limit() == seconds


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "a minute"])
def test_a_time_limit_that_is_no_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", text)
    with pytest.raises(InputError) as error:
        time_limit()
    assert str(error.value) == (
        f"ZOO_HUB_TIMEOUT={text}: it is no positive number of seconds. Give one, for example 60"
    )


def test_a_body_without_end_is_cut_off() -> None:
    """A body in chunks has no Content-Length, and could go on for ever."""
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield bytes(100)

    def call() -> None:
        request = httpx2.Request("GET", "http://127.0.0.1/x")
        response = httpx2.Response(200, content=endless(), request=request)
        on_response(response)
        response.read()

    with pytest.raises(NetworkError) as error:
        retrying(call, Watch("me/camel", "samples.png", limit=1000))
    assert str(error.value) == (
        "me/camel: samples.png is longer than the 1,000 bytes expected of it. "
        "Try again later, or look at what HF_ENDPOINT and HTTPS_PROXY name"
    )
    assert len(sent) == 11


def test_a_compressed_body_is_refused_unread() -> None:
    def call() -> None:
        request = httpx2.Request("GET", "http://127.0.0.1/x")
        on_response(httpx2.Response(200, headers={"Content-Encoding": "gzip"}, content=b"", request=request))

    with pytest.raises(NetworkError) as error:
        retrying(call, Watch("me/camel", "samples.png"))
    assert str(error.value) == (
        "me/camel: samples.png came compressed, which was not asked for. "
        "Try again later, or look at what HF_ENDPOINT and HTTPS_PROXY name"
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://huggingface.co/api/models/me/camel", True),
        ("https://huggingface.co:443/x", True),
        ("http://huggingface.co/x", False),
        ("https://huggingface.co.evil.org/x", False),
        ("https://hf.co/x", False),
        ("https://huggingface.co:8443/x", False),
    ],
)
def test_the_token_goes_to_the_hubs_own_address_only(
    monkeypatch: pytest.MonkeyPatch, url: str, kept: bool
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://huggingface.co")
    request = httpx2.Request("GET", url, headers={"Authorization": "Bearer hf_secret"})
    on_request(request)  # without a watch: a request of other code
    assert "Authorization" in request.headers
    retrying(lambda: on_request(request), Watch("me/camel"))
    assert ("Authorization" in request.headers) is kept


def test_every_phase_of_a_request_ends_in_time() -> None:
    request = httpx2.Request(
        "GET", "http://127.0.0.1/x", extensions={"timeout": {"read": None, "connect": 99.0}}
    )
    retrying(lambda: on_request(request), Watch("me/camel", seconds=5))
    assert all(0 < seconds <= 5 for seconds in request.extensions["timeout"].values())


class Api:
    """A client whose Hub answers this."""

    def __init__(self, info: Any) -> None:
        self._info = info

    def model_info(self, *_: object, **__: object) -> ModelInfo:
        return ModelInfo(**self._info)  # type: ignore[no-untyped-call]


def listed(**file: Any) -> dict[str, Any]:
    return {"id": "me/camel", "sha": COMMIT, "siblings": [{"rfilename": "config.json", **file}]}


@pytest.mark.parametrize(
    ("info", "found"),
    [
        ({"id": "me/camel", "sha": "../../evil", "siblings": []}, "commit '../../evil'"),
        ({"id": "me/camel", "siblings": []}, "commit None"),
        ({"sha": COMMIT}, "KeyError"),
        ({"id": "me/camel", "sha": COMMIT, "siblings": [{}]}, "KeyError"),
        ({"id": "me/camel", "sha": COMMIT, "siblings": ["config.json"]}, "TypeError"),
        ({"id": "me/camel", "sha": COMMIT, "siblings": 5}, "TypeError"),
        (listed(), "size None and hash None of config.json"),
        (listed(size=-1, blobId="b" * 40), f"size -1 and hash {'b' * 40!r} of config.json"),
        (listed(size=True, blobId="b" * 40), f"size True and hash {'b' * 40!r} of config.json"),
        (listed(size=1, blobId="../../evil"), "size 1 and hash '../../evil' of config.json"),
        (
            listed(size=1, blobId="b" * 40, lfs={"size": 1, "sha256": "5", "pointerSize": 1}),
            "size 1 and hash '5' of config.json",
        ),
    ],
)
def test_answers_that_make_no_sense(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], found: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.test")
    with pytest.raises(NetworkError) as error:
        fetch_listing(Api(info), "me/camel", None)  # type: ignore[arg-type]
    assert str(error.value) == (
        f"me/camel: https://hub.test does not answer as a Hub does ({found}). Check HF_ENDPOINT and HTTPS_PROXY"
    )


def test_a_file_too_large_for_its_name_is_not_even_asked_for() -> None:
    lfs = {"size": (1 << 20) + 1, "sha256": SHA256, "pointerSize": 100}
    with pytest.raises(InputError) as error:
        fetch_listing(Api(listed(size=100, blobId="b" * 40, lfs=lfs)), "me/camel", None)  # type: ignore[arg-type]
    assert str(error.value) == (
        "me/camel: config.json has 1,048,577 bytes, more than 1,048,576. No generator of a zoo needs that"
    )
