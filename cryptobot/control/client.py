"""Asking a bot's process: one short request on loopback, with the token of its state file."""

from __future__ import annotations

import http.client
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from cryptobot.control import state_file, wire
from cryptobot.control.folders import Folders
from cryptobot.control.gone import BotGoneError
from cryptobot.control.state_file import ProcessState, error_of
from cryptobot.core.errors import CryptobotError
from cryptobot.core.file_lock import is_free
from cryptobot.trading.journal.contents import library_version

_CONNECT: Final = 2.0
# Longer than the server lets any answer wait.
_ANSWER: Final = 30.0
# The process answers so many requests a second; who is told that it were too many asks again after this.
_TOO_MANY: Final = 429
_PAUSE: Final = 0.25
_UNKNOWN: Final = 404


class ProcessClient:
    """Finds a bot's process by its state file, and asks it; a process that was started anew is found again.

    Parameters
    ----------
    folders
        Where the state files lie.
    name
        Of the bot.
    """

    def __init__(self, folders: Folders, name: str) -> None:
        self._folders = folders
        self._name = name

    def ask(self, question: str, *, patience: float = _ANSWER, **numbers: int | None) -> Any:
        """Return the answer to a question.

        Parameters
        ----------
        question
            Its path.
        patience
            Seconds to wait.
        **numbers
            Of the query; None is left out.

        Raises
        ------
        BotGoneError
            If no process answers.
        CryptobotError
            What the process raised.
        """
        query = urlencode({name: value for name, value in numbers.items() if value is not None})
        return self._request(self._state(), "GET", f"/{question}?{query}", None, patience)["answer"]

    def tell(self, command: str, arguments: Mapping[str, Any], *, patience: float = 120.0) -> Any:
        """Have something done, once, and return what came of it when it is done.

        The command carries an id of its own, so that asking again, after an answer was lost on the way or while it is
        under way, does nothing twice.

        Raises
        ------
        BotGoneError
            If no process answers, or another one does than the one that was told: then nobody knows whether it was done.
        CryptobotError
            What the process raised; or that it is not done within the patience, and goes on.
        """
        state = self._state()
        body = wire.dump({"id": uuid.uuid4().hex, "arguments": arguments})
        deadline, lost = time.monotonic() + patience, False
        while time.monotonic() < deadline:
            try:
                answer = self._request(state, "POST", f"/commands/{command}", body, _ANSWER)
            except BotGoneError:
                if lost:
                    raise
                lost = True
                continue
            if "pending" not in answer:
                return answer["answer"]
        raise CryptobotError(
            f"{self._name}: {command} is not done within {patience:g} s; it goes on. Look at its log: logs(), "
            f"or `cryptobot logs {self._name}`."
        )

    def find(self) -> ProcessState | None:
        """Return what the process wrote down, if it did; it need not live."""
        return state_file.read(self._folders, self._name)

    def _state(self) -> ProcessState:
        state = self.find()
        if state is None:
            raise BotGoneError(gone(self._folders, self._name))
        return state

    def _request(
        self, state: ProcessState, method: str, path: str, body: bytes | None, patience: float
    ) -> dict[str, Any]:
        """Ask once; again in a moment, while it is said that too much was asked.

        Only while the process holds the lock of its name: the port of one that is no more may be another program's, and
        what that would answer, code among it, is believed by nobody.
        """
        if is_free(self._folders.of(self._name, "lock")):
            raise BotGoneError(gone(self._folders, self._name))
        deadline = time.monotonic() + patience
        while True:
            status, content = self._exchange(state, method, path, body, patience)
            if status != _TOO_MANY or time.monotonic() >= deadline:
                return self._answer(state, path, status, content)
            time.sleep(_PAUSE)

    def _exchange(
        self, state: ProcessState, method: str, path: str, body: bytes | None, patience: float
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {state.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", state.port, timeout=_CONNECT)
        try:
            connection.connect()
            connection.sock.settimeout(patience)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise BotGoneError(gone(self._folders, self._name, error)) from error
        finally:
            connection.close()

    def _answer(self, state: ProcessState, path: str, status: int, content: bytes) -> dict[str, Any]:
        try:
            answer = wire.parse(content)
        except ValueError:
            answer = None
        if status in (401, 421) or not isinstance(answer, dict):
            # Another program has the port of a process that is no more.
            raise BotGoneError(gone(self._folders, self._name))
        if "error" in answer:
            kind, text = answer["error"]["kind"], answer["error"]["text"]
            asked = path.partition("?")[0].removeprefix("/")
            if _is_unknown(asked, status, text):
                raise CryptobotError(_older(state, asked.removeprefix("commands/")))
            raise error_of(kind, text)
        return answer


def _is_unknown(asked: str, status: int, text: str) -> bool:
    """Whether a process does not know what it was asked: handles ask for nothing that their own version does not."""
    command = asked.removeprefix("commands/")
    return (
        status == _UNKNOWN
        or (command != asked and text.startswith(f"command `{command}` is unknown."))
        or (text.startswith(f"/{asked}: ") and "unexpected keyword argument" in text)
    )


def _older(state: ProcessState, asked: str) -> str:
    version = "" if state.library == library_version() else f" ({state.library})"
    return (
        f"{state.name}: it was launched by an older version of cryptobot{version}, which does not know `{asked}` yet. Stop it "
        f"and launch it again: shut_down() or `cryptobot stop {state.name}`, then cb.launch(...) or `cryptobot run`."
    )


def gone(folders: Folders, name: str, error: Exception | None = None) -> str:
    """Say why nobody answers, and what to do."""
    lock = folders.of(name, "lock")
    if not is_free(lock):
        why = f" ({error})" if isinstance(error, TimeoutError) else ""
        return (
            f"{name}: its process is there and does not answer{why}: it is starting, or the computer is very busy, or it hangs. "
            f"Try again; its log is {folders.log(name)}."
        )
    log = folders.log(name)
    seen = f" Its log is {log}." if log.exists() else ""
    return f"{name}: it does not run in a process of its own. Launch it with cb.launch(...), or `cryptobot run`.{seen}"
