"""Slack as its clients see it, on loopback: webhooks, chat.postMessage, files, and everything that goes wrong."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "xoxb-1234-canary-token"
HOOK = "/services/T0TEAM/B0HOOK/canaryhooksecret"
CHANNEL = "C0ALERTS"
HTML = "<!doctype html><html><title>Sign in</title><body>Please sign in to the network</body></html>"


@dataclass(frozen=True)
class Reply:
    """What the next request gets instead of the right answer.

    ``done`` says whether the request is carried out all the same; ``drop`` answers nothing at all; ``gate`` is waited
    for before the answer.
    """

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    drop: bool = False
    gate: threading.Event | None = None


@dataclass
class Posted:
    """A message that Slack took."""

    by: str
    body: dict[str, Any]
    stamp: str

    @property
    def shown(self) -> str:
        """Everything a reader sees, one text after the other."""
        return "\n".join(seen for block in self.body["blocks"] for seen in texts(block))


class SlackServer:
    """Slack on a free port of this machine."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.next: deque[Reply] = deque()
        self.always: Reply | None = None
        self.scopes = {"chat:write", "files:write"}
        self.arrived = threading.Condition()
        handler = type("Handler", (_Handler,), {"slack": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def webhook(self) -> str:
        return self.address + HOOK

    @property
    def api(self) -> str:
        return self.address + "/api/"

    def wait_for(self, condition: Callable[[], bool], timeout: float = 20.0) -> bool:
        with self.arrived:
            return self.arrived.wait_for(condition, timeout)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def take(self, by: str, body: dict[str, Any]) -> str:
        stamp = f"17000000{len(self.posted):02d}.{len(self.posted) + 1:06d}"
        self.posted.append(Posted(by, body, stamp))
        return stamp

    def answer(self, path: str, headers: Any, raw: bytes) -> tuple[int, str]:
        if path == HOOK:
            return self._hook(raw)
        if path.startswith("/upload/"):
            name = path.rpartition("/")[2]
            self.files[name]["data"] = raw
            return 200, "OK"
        if not path.startswith("/api/"):
            return 404, "no_service"
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 200, json.dumps({"ok": False, "error": "invalid_auth"})
        asked: dict[str, Any]
        if "json" in headers.get("Content-Type", ""):
            asked = json.loads(raw)
        else:
            asked = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        return 200, json.dumps(self._api(path.removeprefix("/api/"), asked))

    def _hook(self, raw: bytes) -> tuple[int, str]:
        try:
            body = json.loads(raw)
        except ValueError:
            return 400, "invalid_payload"
        wrong = faults(body)
        if wrong:
            return 400, "invalid_blocks"
        self.take("webhook", body)
        return 200, "ok"

    def _api(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        need = "files:write" if method.startswith("files.") else "chat:write"
        if need not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": need, "provided": ",".join(self.scopes)}
        if method == "chat.postMessage":
            return self._message(asked)
        if method == "files.getUploadURLExternal":
            name = f"F{len(self.files)}"
            self.files[name] = {"length": int(asked["length"]), "filename": asked["filename"]}
            return {"ok": True, "file_id": name, "upload_url": f"{self.address}/upload/{name}"}
        if method == "files.completeUploadExternal":
            (file,) = json.loads(asked["files"])
            if asked.get("channel_id") != CHANNEL:  # a name is not enough here
                return {"ok": False, "error": "channel_not_found"}
            self.files[file["id"]] |= {"thread": asked.get("thread_ts"), "title": file["title"]}
            return {"ok": True, "files": [{"id": file["id"]}]}
        return {"ok": False, "error": "unknown_method"}

    def _message(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("channel") not in (CHANNEL, "#alerts"):
            return {"ok": False, "error": "channel_not_found"}
        wrong = faults(asked)
        if wrong:
            return {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": wrong}}
        thread = asked.get("thread_ts")
        if thread is not None and thread not in [posted.stamp for posted in self.posted]:
            return {"ok": False, "error": "thread_not_found"}
        return {"ok": True, "channel": CHANNEL, "ts": self.take("bot", asked)}


class _Handler(BaseHTTPRequestHandler):
    slack: SlackServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        slack = self.slack
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with slack.arrived:
            slack.requests.append(self.path)
            reply = slack.next.popleft() if slack.next else slack.always
            done = slack.answer(self.path, self.headers, raw) if reply is None or reply.done else None
            slack.arrived.notify_all()
        if reply is not None and reply.gate is not None:
            reply.gate.wait(30)
        if reply is not None and reply.drop:
            self.close_connection = True
            return
        # What was done is answered rightly where nothing else is wanted (a gate alone), else as is wanted.
        right = done is not None and (reply is None or (reply.status == 200 and not reply.body))
        status, text = done if right and done is not None else (reply.status, reply.body) if reply else (500, "")
        if self.path.startswith("/api/") and text.replace("_", "").isalpha():
            text = json.dumps({"ok": False, "error": text})  # a webhook says the bare word, the API an object
        try:
            self.send_response(status)
            for name, value in (reply.headers if reply else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html; charset=utf-8" if "<html" in text else "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())
        except OSError:
            self.close_connection = True  # the client has gone

    def do_GET(self) -> None:
        with self.slack.arrived:
            self.slack.requests.append(f"GET {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def texts(node: Any) -> list[str]:
    """Return every text under a node of Block Kit."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            return [node["text"]]
        return [seen for value in node.values() for seen in texts(value)]
    return [seen for each in node for seen in texts(each)] if isinstance(node, list) else []


def faults(body: dict[str, Any]) -> list[str]:
    """Say what Slack's reference forbids in a message of ours; the limits are the documented ones."""
    found = []
    blocks = body.get("blocks")
    if not isinstance(body.get("text"), str) or not body["text"] or len(body["text"]) > 4_000:
        found.append("text")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        return [*found, "blocks"]
    return found + [fault for block in blocks for fault in _block(block)]


def _block(block: dict[str, Any]) -> list[str]:
    kind = block.get("type")
    if kind == "header":
        return _text(block.get("text"), 150, ("plain_text",))
    if kind == "section":
        return _text(block.get("text"), 3_000, ("plain_text", "mrkdwn"))
    elements = block.get("elements", [])
    if kind == "context" and 1 <= len(elements) <= 10:
        return [fault for element in elements for fault in _text(element, 2_000, ("plain_text", "mrkdwn"))]
    if kind == "rich_text" and elements:
        parts = [part for section in elements for part in section["elements"]]
        good = all(section["type"] == "rich_text_section" and section["elements"] for section in elements)
        good = good and all(part["type"] == "text" and part["text"] for part in parts)
        return [] if good else ["rich_text"]
    return [f"block {kind}"]


def _text(node: Any, most: int, kinds: tuple[str, ...]) -> list[str]:
    good = isinstance(node, dict) and node.get("type") in kinds and 1 <= len(node.get("text", "")) <= most
    return [] if good else [f"text object {node!r:.80}"]
