"""Airflow's REST API, as far as Tillroll needs it: log in, get, post, and say in plain words why that failed."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.errors import ConfigurationError, StepError, TransientError

# Seconds for which a server that went away in the middle may come back; the process manager restarts it.
PATIENCE = 60.0
TIMEOUT = 30.0

PAGE = 100

T = TypeVar("T")


class ApiError(StepError):
    """Airflow refuses a request. `status` is HTTP's."""

    def __init__(self, status: int, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.status = status


class TooLongError(StepError):
    """There is more than one wants to read."""


class _Token(httpx.Auth):
    """Fetches a token with user and password, and a new one when it has expired."""

    def __init__(self, url: str, user: str, password: str, timeout: float) -> None:
        # A request that is made here, and not by the client, has no time limit of its own.
        limits = {"timeout": httpx.Timeout(timeout).as_dict()}
        body = {"username": user, "password": password}
        self._login = httpx.Request("POST", f"{url}/auth/token", json=body, extensions=limits)
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token:
            answer = yield self._authorized(request)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
        answer = yield self._login
        answer.read()  # and no other answer: one may be long
        self._token = answer.json().get("access_token", "") if answer.is_success else ""
        yield self._authorized(request)

    def _authorized(self, request: httpx.Request) -> httpx.Request:
        if self._token:  # without one, the answer says that the login is refused
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class AirflowApi:
    """One Airflow. `url` is that of its web interface, as people open it; `server` where it answers, if not there.

    `timeout` is in seconds for each answer, `patience` for which a server that stumbles is asked again.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        server: str = "",
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        self.url = url.rstrip("/")
        self.server = server or self.url
        self._patience = patience
        auth = _Token(self.server, user, password, timeout)
        self._client = httpx.Client(base_url=f"{self.server}/api/v2", auth=auth, timeout=timeout)

    def close(self) -> None:
        self._client.close()

    def require_up(self) -> None:
        """Raises TransientError when Airflow does not answer now."""
        self._answer(self._send("GET", "/monitor/health"))

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`; an Airflow that is away or stumbles is asked again, for as long as there is patience.

        Raises:
            ApiError: Airflow refuses; 404 among others.
            TransientError: it did not answer for so long.
        """
        return self._patiently(lambda: self._answer(self._send("GET", path, params=params)))

    def first_line(self, path: str, is_meant: Callable[[Any], bool], longest: int, **params: Any) -> Any:
        """The first that is meant of the documents at `path`, which are a line each; None where none is.

        They are read as they come, and none is kept: there may be gigabytes.

        Raises:
            TooLongError: it is not among the first `longest` bytes.
            ApiError, TransientError: as `get`.
        """

        def ask() -> Any:
            with self._streamed(path, params) as answer:
                return next(filter(is_meant, _documents(answer.iter_bytes(), longest)), None)

        return self._patiently(ask)

    def get_all(self, path: str, field: str, **params: Any) -> Iterator[Any]:
        """The items under `field` of every page at `path`."""
        offset = 0
        while True:
            page = self.get(path, **params, limit=PAGE, offset=offset)[field]
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON, once. Raises ApiError or TransientError."""
        return self._answer(self._send("POST", path, json=body))

    def _patiently(self, ask: Callable[[], T]) -> T:
        attempts = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_delay(self._patience),
            wait=wait_fixed(1),
            reraise=True,
        )
        return attempts(ask)

    @contextmanager
    def _streamed(self, path: str, params: dict[str, Any]) -> Iterator[httpx.Response]:
        lines = {"Accept": "application/x-ndjson"}
        with self._reached(), self._client.stream("GET", path, params=params, headers=lines) as answer:
            if not answer.is_success:
                answer.read()
                self._answer(answer)
            yield answer

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        with self._reached():
            return self._client.request(method, path, **arguments)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise TransientError(
                f"Airflow does not answer at {self.server}: {error}", "Start the servers with `tillroll up`."
            ) from error

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json()
        what = f"{response.request.method} {response.request.url.path}"
        if response.is_server_error:
            raise TransientError(f"Airflow stumbled over {what}: {response.text[:200]}", "Its log is the api-server's.")
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise ConfigurationError(
                f"Airflow at {self.server} refuses the login",
                "Is another Airflow on this port? See TILLROLL_AIRFLOW_PORT.",
            )
        raise ApiError(response.status_code, f"Airflow refuses {what}: {_detail(response)}")


def _documents(chunks: Iterable[bytes], longest: int) -> Iterator[Any]:
    """The JSON documents in these bytes, a line each; a line that is none is skipped."""
    line, left = bytearray(), longest
    for chunk in chunks:
        ended, newline, begun = chunk.rpartition(b"\n")
        if newline:
            yield from _parsed(line + ended)
            line.clear()
        line += begun
        left -= len(chunk)
        if left < 0:
            raise TooLongError(f"there are more than {longest:,} bytes", "Read it in Airflow.")
    yield from _parsed(line)


def _parsed(lines: bytes | bytearray) -> Iterator[Any]:
    for line in lines.split(b"\n"):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        yield document


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text[:500]
