"""A socket to listen on, bound in the caller's thread so that a taken port is the caller's error, with a way out."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from importlib import import_module
from ipaddress import ip_address

from mcp_server.errors import StartError

PREFERRED_PORT = 8808
"""Tried first, so that an assistant's configuration stays valid."""
_DENIED = (errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES))  # Windows has a number of its own for sockets


def listen(host: str, port: int | None) -> socket.socket:
    """Bind a socket.

    Parameters
    ----------
    host
        An address of this machine.
    port
        A port; 0 for any free one; None for the preferred one, or any if that is taken.

    Raises
    ------
    StartError
        If the port is taken, saying by whom and what to do, or the address is not of this machine.
    """
    if port is not None and not 0 <= port <= 65_535:
        raise StartError(f"port: {port} is not a port. Give 0 (any free one) to 65535, or leave it out.")
    for attempt in (PREFERRED_PORT, 0) if port is None else (port,):
        try:
            return _bound(host, attempt)
        except OSError as error:
            if port is None and attempt and (error.errno == errno.EADDRINUSE or error.errno in _DENIED):
                continue
            raise StartError(_reason(host, attempt, error)) from None
    raise StartError(f"No port is free on {host}.")  # no system runs out of ports without the error above


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # SO_REUSEADDR is set on POSIX only, where it lets a port be used again at once; on Windows it would share it.
    found = socket.create_server((host, port), family=family, backlog=512)
    found.setblocking(False)
    return found


def loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken by {_holder(host, port)}. Stop that, or let the server choose: port=0 takes any free "
            f"port, and without a port {PREFERRED_PORT} is tried first."
        )
    if error.errno in _DENIED:
        return f"port {port} may not be used without special rights. Choose one above 1023, or port=0 for any free one."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"host: {host} is not an address of this machine. Use 127.0.0.1."
    return f"{host}:{port} cannot be used: {error.strerror or error}. Try port=0 for any free one."


def _holder(host: str, port: int) -> str:
    ours = _ours(host, port)
    owner = _owner(port)
    who = "another cryptobot price server" if ours else "another program"
    return f"{who} ({owner})" if owner else who


def _ours(host: str, port: int) -> bool:
    """Whether a price server answers there."""
    target = host if host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared, not bound
    for secure in (False, True):
        try:
            # Whoever answers is only asked for its name, and is trusted with nothing: its certificate does not matter.
            context = ssl._create_unverified_context() if secure else None  # noqa: S323, SLF001
            connection = (
                http.client.HTTPSConnection(target, port, timeout=0.5, context=context)
                if secure
                else http.client.HTTPConnection(target, port, timeout=0.5)
            )
            try:
                connection.request("GET", "/health")
                found = json.loads(connection.getresponse().read(1_000))
            finally:
                connection.close()
        except (OSError, ValueError, http.client.HTTPException):
            continue
        return isinstance(found, dict) and found.get("service") == "cryptobot price server"
    return False


def _owner(port: int) -> str:
    """Name the process that listens, where psutil is installed and may look."""
    try:
        psutil = import_module("psutil")
    except ImportError:
        return ""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == "LISTEN" and connection.laddr.port == port and connection.pid:
                return f"process {connection.pid}, {psutil.Process(connection.pid).name()}"
    except (psutil.Error, OSError):
        return ""
    return ""
