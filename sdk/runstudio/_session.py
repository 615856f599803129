"""What a process shares for each server and workspace: one transport, one sender."""

from __future__ import annotations

from runstudio import _endings
from runstudio._credentials import Server
from runstudio._sender import Sender
from runstudio._transport import Transport

_sessions: dict[Server, Session] = {}


class Session:
    """Use `session_of`: two senders for one workspace would lose the order of what is logged."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.transport = Transport(server)
        self.sender = Sender(self.transport, on_start=_endings.install)


def session_of(server: Server) -> Session:
    """The session of this process with a server, as a user, in a workspace."""
    if server not in _sessions:
        _sessions[server] = Session(server)
    return _sessions[server]
