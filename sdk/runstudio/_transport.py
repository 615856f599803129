"""
The only module that knows addresses, tokens, time-outs and retries.

Every request of this API may be sent twice: what makes something carries an id that the client made. So whatever gets no
answer is sent again, with growing pauses, until the caller's patience ends.
"""

from __future__ import annotations

import json
import os
import platform
import random
import time
from collections.abc import Iterable, Mapping
from http.client import RemoteDisconnected
from typing import Any, BinaryIO, Callable
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.util import Timeout

from runstudio._credentials import Server
from runstudio._version import VERSION
from runstudio.errors import AuthenticationException, ServerUnreachable, ServiceException

API = "/api/v1"
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 30.0
PATIENCE_S = 15.0  # how long a call that needs its answer keeps trying
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_PAUSE_S = 5.0
_AGENT = f"runstudio/{VERSION} Python/{platform.python_version()}"

Parameters = Mapping[str, Any]


class Answer:
    """An answer that was read to its end."""

    __slots__ = ("data", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data

    def json(self) -> Any:
        """
        Raises:
            ServiceException: this is no JSON, so something else answers at the address.
        """
        try:
            return json.loads(self.data) if self.data else None
        except ValueError as error:
            raise ServiceException(
                "What answered is no Run Studio server: it sent no JSON. Check the address, and any proxy on the way.",
                status_code=self.status,
            ) from error


def path_of(*parts: str) -> str:
    """
    An address below the API from its parts, quoted. Slashes within a part stay, for a file's path is one part.

    >>> path_of("runs", "r 1", "artifacts", "outputs/model.bin")
    '/runs/r%201/artifacts/outputs/model.bin'
    """
    return "".join("/" + quote(part, safe="/~") for part in parts)


class Transport:
    """
    Requests to one server as one user. Safe to use from many threads, and after a fork.

    Args:
        server: the address, the token (empty: not signed in) and the workspace (empty: the server chooses).
        patience_s: seconds for which a request without an answer is repeated, unless its call says otherwise.
    """

    def __init__(self, server: Server, *, patience_s: float = PATIENCE_S) -> None:
        self.server = server
        self._patience_s = patience_s
        self._pool: urllib3.PoolManager | None = None
        self._pid = 0

    # JSON in, JSON out

    def get(self, path: str, params: Parameters | None = None, *, patience_s: float | None = None) -> Any:
        """
        Args:
            path: below the API, as `path_of` makes it.
            params: of the query; a list repeats its name, True is `true`, None is left out.
            patience_s: seconds for which a request without an answer is repeated; the transport's own, when left out.

        Raises:
            ServerUnreachable: no answer came within the patience.
            ServiceException: the server refused it, with its sentence.
            AuthenticationException: the token is not accepted.
        """
        return self.request("GET", path, params=params, patience_s=patience_s).json()

    def post(self, path: str, body: Any = None, *, patience_s: float | None = None) -> Any:
        """Send JSON; arguments and errors as of `get`."""
        return self.send("POST", path, body, patience_s=patience_s)

    def patch(self, path: str, body: Any, *, patience_s: float | None = None) -> Any:
        """Send JSON; arguments and errors as of `get`."""
        return self.send("PATCH", path, body, patience_s=patience_s)

    def delete(self, path: str, *, patience_s: float | None = None) -> Any:
        """As `get`."""
        return self.send("DELETE", path, patience_s=patience_s)

    def send(self, method: str, path: str, body: Any = None, *, patience_s: float | None = None) -> Any:
        """Send JSON with any method; arguments and errors as of `get`."""
        data = None if method == "DELETE" else json.dumps(body or {}, ensure_ascii=False).encode()
        return self.request(method, path, data=data, patience_s=patience_s).json()

    def pages(
        self,
        path: str,
        params: Parameters | None = None,
        *,
        limit: int | None = 100,
    ) -> Iterable[dict[str, Any]]:
        """The items of a list, page by page as they are asked for; errors as of `get`."""
        after = None
        while True:
            page = self.get(path, {**(params or {}), "limit": limit, "after": after})
            yield from page["items"]
            after = page.get("next")
            if not after:
                return

    # Bytes

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patience_s: float | None = None,
    ) -> Answer:
        """Send bytes, which are JSON unless `headers` say otherwise, and read the whole answer; errors as of `get`."""
        given = {"Accept-Encoding": "gzip", **({"Content-Type": "application/json"} if data is not None else {})}
        given.update(headers or {})

        def attempt(_: int) -> Answer:
            response = self.open(method, path, params=params, body=data, headers=given, preload_content=True)
            return Answer(response.status, response.headers, response.data)

        return self.patiently(attempt, patience_s)

    def put_stream(
        self,
        path: str,
        source: BinaryIO,
        *,
        size_bytes: int,
        sha256: str,
        is_repeat: bool = False,
    ) -> Any:
        """
        Upload a file, streamed. A repeated upload whose first try had arrived is a success.

        Args:
            source: an open file, from its beginning; it can be wound back.
            size_bytes: its length.
            sha256: its digest in hex; the server compares.
            is_repeat: it was sent before, by a process that did not live to see the answer.

        Returns:
            The server's document of the file.

        Raises:
            ServiceException: refused; `already_exists` when the name is taken by another file.
            ServerUnreachable: as of `get`.
        """
        headers = {"Content-Length": str(size_bytes), "X-Content-SHA256": sha256}
        headers["Content-Type"] = "application/octet-stream"

        def attempt(number: int) -> Answer:
            source.seek(0)
            response = self.open("PUT", path, body=source, headers=headers, preload_content=True)
            answer = Answer(response.status, response.headers, response.data)
            if answer.status == 409 and (number or is_repeat):
                existing = answer.json().get("existing") or {}
                if (existing.get("sha256"), existing.get("size_bytes")) == (sha256, size_bytes):
                    return Answer(200, answer.headers, json.dumps(existing).encode())
            return answer

        return self.patiently(attempt).json()

    def open(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        preload_content: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """One request, once, unchecked; for `patiently` and for answers that are streamed."""
        url = self.server.url + API + path
        query = _query(params or {})
        return self._connections().request(
            method,
            f"{url}?{query}" if query else url,
            body=body,
            headers={**self._headers(), **(headers or {})},
            preload_content=preload_content,
            redirect=False,
            retries=False,
            timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        )

    def patiently(self, attempt: Callable[[int], Answer], patience_s: float | None = None) -> Answer:
        """
        Call `attempt` with 0, 1, … until it brings an answer that is final; errors as of `get`.

        Trouble on the way (refused, timed out, cut off, 429, 502, 503, 504) is tried again; a refusal is not.
        """
        give_up_at = time.monotonic() + (self._patience_s if patience_s is None else patience_s)
        number = 0
        while True:
            wait_s = 0.0
            try:
                answer = attempt(number)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                trouble = self.unreachable(error)
            else:
                if answer.status not in _TRY_AGAIN:
                    return self._accepted(answer)
                trouble = ServerUnreachable(
                    f"{self.server.url} answers {answer.status}: {_sentence(answer)}", status_code=answer.status
                )
                wait_s = _retry_after_s(answer)
            wait_s = max(wait_s, pause_s(number))
            if time.monotonic() + wait_s >= give_up_at:
                raise trouble
            time.sleep(wait_s)
            number += 1

    def unreachable(self, error: Exception) -> ServerUnreachable:
        """An error of the network as one of ours."""
        found = ServerUnreachable(f"{self.server.url} does not answer: {_reason(error)}")
        found.__cause__ = error
        return found

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status < 300 or answer.status == 304:
            return answer
        if answer.status < 400:
            raise ServiceException(
                f"{self.server.url} sends on to {answer.headers.get('Location')}. Sign in with that address instead.",
                status_code=answer.status,
            )
        raise self.refusal(answer)

    def refusal(self, answer: Answer) -> Exception:
        """The exception for an answer with a 4xx or 5xx status."""
        form = _form(answer)
        message = _sentence(answer)
        if answer.status == 401:
            error = AuthenticationException(f"{message} Sign in again with: studio login {self.server.url}")
            error.details = form
            return error
        return ServiceException(message, status_code=answer.status, error_code=str(form.get("code", "")), details=form)

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": _AGENT, "Accept": "application/json, */*;q=0.5"}
        if self.server.token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        if self.server.workspace:
            headers["Studio-Workspace"] = self.server.workspace
        return headers

    def _connections(self) -> urllib3.PoolManager:
        # A connection that a fork shares would mix the answers of two processes.
        if self._pool is None or self._pid != os.getpid():
            self._pool = new_pool(self.server.url)
            self._pid = os.getpid()
        return self._pool


def _reason(error: BaseException) -> str:
    """What went wrong, as the operating system calls it, out of the errors that are wrapped around it."""
    if isinstance(error, RemoteDisconnected):
        return "it closed the connection"
    if isinstance(error, (urllib3.exceptions.IncompleteRead, urllib3.exceptions.InvalidChunkLength)):
        return "its answer broke off"
    if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(
        error, urllib3.exceptions.NewConnectionError
    ):
        is_connecting = isinstance(error, urllib3.exceptions.ConnectTimeoutError)
        return f"nothing came within {CONNECT_TIMEOUT_S if is_connecting else READ_TIMEOUT_S:g} s"
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), error.__cause__ or error.__context__)
    if inner is not None and not (isinstance(error, OSError) and error.strerror):
        return _reason(inner)
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def pause_s(number: int) -> float:
    """Seconds before the try after number 0, 1, …: 0.1, 0.2, 0.4 up to 5, less up to a half so that clients spread."""
    return min(0.1 * 2 ** min(number, 10), _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)


def new_pool(url: str) -> urllib3.PoolManager:
    """Connections as the machine wants them: straight, or by the proxy that its variables name."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    host = parts.hostname or ""
    is_near = host in ("localhost", "::1") or host.startswith("127.")
    if proxy and not is_near and not proxy_bypass(host):
        return urllib3.ProxyManager(proxy, maxsize=8)
    return urllib3.PoolManager(maxsize=8)


def _query(params: Parameters) -> str:
    pairs = []
    for name, value in params.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        pairs += [(name, str(each).lower() if isinstance(each, bool) else each) for each in values if each is not None]
    return urlencode(pairs)


def _form(answer: Answer) -> dict[str, Any]:
    try:
        form = json.loads(answer.data)
    except ValueError:
        return {}
    return form if isinstance(form, dict) else {}


def _sentence(answer: Answer) -> str:
    message = _form(answer).get("message")
    return str(message) if message else f"The server answered {answer.status} without a reason."


def _retry_after_s(answer: Answer) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", 0)), _LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
