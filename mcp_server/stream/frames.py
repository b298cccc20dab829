"""WebSocket frames of text, made once for all clients.

A frame from a server is not masked (RFC 6455, section 5.1), so the bytes are the same for everybody and need not be
made again for each.
"""

from __future__ import annotations

import struct

FIN_TEXT = 0x81


def text_frame(payload: bytes) -> bytes:
    r"""Return a whole text frame (RFC 6455, section 5.2).

    Examples
    --------
    >>> text_frame(b"hi")
    b'\x81\x02hi'
    """
    size = len(payload)
    if size < 126:
        return bytes((FIN_TEXT, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", FIN_TEXT, 126, size) + payload
    return struct.pack("!BBQ", FIN_TEXT, 127, size) + payload
