"""Asking a server again: what goes away by itself is waited for, with back-off and an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from extractors.workers import Stopped

AGAIN = (408, 425, 429, 500, 502, 503, 504)
# The base of the errors of the HTTP library that huggingface_hub uses, lost connections too; and
# what a download says when it is cut off.
NETWORK = (HfHubHTTPError.__mro__[1], ConnectionError, TimeoutError, LocalEntryNotFoundError)


class UnreachableError(OSError):
    """A server did not answer as it should, however often it was asked."""


class MovedError(Exception):
    """What a commit was made upon is no longer the newest."""


@dataclass
class Patience:
    """How often a server is asked, and how long to wait in between.

    Waits are ``first_s`` seconds, twice as long each time, at most ``most_s``, or what the server's
    ``Retry-After`` says. ``stop``, once set, ends a wait with ``Stopped``.
    """

    name: str
    tries: int = 9
    first_s: float = 1
    most_s: float = 60
    stop: threading.Event = field(default_factory=threading.Event)
    told: Callable[[str], None] = lambda line: None

    def ask(self, call: Callable[[], Any]) -> Any:
        """What ``call`` returns; what will not go away by itself is raised as it is."""
        import tenacity

        def wait(state: tenacity.RetryCallState) -> float:
            seconds = min(self.first_s * 2.0 ** (state.attempt_number - 1), self.most_s)
            return max(seconds, min(_retry_after(state), 10 * self.most_s))

        def tell(state: tenacity.RetryCallState) -> None:
            seconds = state.next_action.sleep if state.next_action else 0
            self.told(f"{self.name}: {reason(_error(state))}; again in {seconds:.0f} s")

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_passes),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.tries), tenacity.stop_when_event_set(self.stop)
            ),
            wait=wait,
            sleep=tenacity.sleep_using_event(self.stop),
            before_sleep=tell,
        )
        try:
            return retrying(lambda: _unwrapped(call))
        except tenacity.RetryError as error:
            last = error.last_attempt.exception()
            if self.stop.is_set():
                raise Stopped from None
            raise UnreachableError(
                f"{self.name}: {reason(last)}, {self.tries} times: what is done is kept, the same "
                "command goes on from there"
            ) from None


def _unwrapped(call: Callable[[], Any]) -> Any:
    """Call it; an upload that fails says so by a RuntimeError around what the server answered."""
    try:
        return call()
    except RuntimeError as error:
        cause = error.__cause__
        if cause is not None and isinstance(cause, NETWORK):
            raise cause from None
        raise


def reason(error: BaseException | None) -> str:
    """An error of the network in a few words."""
    if isinstance(error, HfHubHTTPError):
        code = error.response.status_code
        return f"the server answers {code} ({'too many requests' if code == 429 else 'its error'})"
    return f"the connection was lost ({type(error).__name__}: {error})"


def _passes(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in AGAIN
    return isinstance(error, NETWORK)


def _error(state: Any) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _retry_after(state: Any) -> float:
    error = _error(state)
    if not isinstance(error, HfHubHTTPError):
        return 0
    told = error.response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 0
