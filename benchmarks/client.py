"""A client that costs little: requests are bytes, and of an answer no more is read than its length and its body."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit


class Client:
    """One kept connection."""

    def __init__(self, url: str, *, token: str = "") -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: {address.netloc}\r\nAccept-Encoding: gzip\r\n".encode()
        if token:
            self._head += f"Authorization: Bearer {token}\r\n".encode()

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer, packed or not; an answer that is no success is raised."""
        head = b"%s %s HTTP/1.1\r\n%s" % (method.encode(), path.encode(), self._head)
        if body:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        self._socket.sendall(head + b"\r\n" + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, answer = received.partition(b"\r\n\r\n")
        status, *lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        pieces, missing = [answer], length - len(answer)
        while missing > 0:
            pieces.append(self._more())
            missing -= len(pieces[-1])
        answer = b"".join(pieces)
        if not status.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{method} {path}: {status!r} {answer[:300]!r}")
        return answer

    def _more(self) -> bytes:
        received = self._socket.recv(1 << 18)
        if not received:
            raise ConnectionError("The server closed the connection.")
        return received

    def mlflow(self, method: str, path: str, fields: Any = None) -> Any:
        """A request of MLflow's protocol, and its answer."""
        body = b"" if fields is None else json.dumps(fields).encode()
        return json.loads(self.request(method, f"/api/2.0/mlflow/{path}", body))

    def close(self) -> None:
        self._socket.close()
