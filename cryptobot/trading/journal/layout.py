"""How a journal lies in its file: tables, the chain of checksums, what it has let go of, and the mark of its reach."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

APPLICATION: Final = 0x63624A6C  # SQLite's application id: "cbJl"
PAGE: Final = 4_096
# One write holds at most this many records, so that no crash loses more than these.
WAITING: Final = 200

# The mark comes first, so that its page is near the beginning of the file.
TABLES: Final = {
    "mark": "CREATE TABLE mark(only_one INTEGER PRIMARY KEY, reach TEXT NOT NULL)",
    "records": (
        "CREATE TABLE records(number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, "
        "content TEXT NOT NULL, checksum BLOB NOT NULL)"
    ),
}
# The layout of a file that has let go of bars: the same tables. Versions that know nothing of that must not read it.
FORGETFUL: Final = 2
# The kind of a row that stands for a run of records that were let go of.
FORGOTTEN: Final = "forgotten"
INSERT: Final = "INSERT INTO records(number, time, kind, content, checksum) VALUES(?, ?, ?, ?, ?)"
START: Final = bytes(16)  # what the first record is chained to


class Row(NamedTuple):
    """A record as it is stored."""

    number: int
    time: int
    kind: str
    content: str
    checksum: bytes

    @property
    def sound(self) -> bool:
        """Whether its columns are of their types: a damaged file may have anything in them."""
        return (
            isinstance(self.number, int)
            and isinstance(self.time, int)
            and isinstance(self.kind, str)
            and isinstance(self.content, str)
            and isinstance(self.checksum, bytes)
        )


def checksum(previous: bytes, number: int, time: int, kind: str, content: str) -> bytes:
    """Return the checksum of a record: over all it says and the checksum of the one before it."""
    said = f"{number}|{time}|{kind}|{content}".encode()
    return hashlib.blake2b(previous + said, digest_size=16).digest()


def chained(previous: bytes, number: int, time: int, kind: str, content: str) -> Row:
    """Return the row that follows a record of this checksum."""
    return Row(number, time, kind, content, checksum(previous, number, time, kind, content))


class Run(NamedTuple):
    """Records that were let go of, one after the other.

    Attributes
    ----------
    first
        Number of the first of them.
    bars
        How many of them were bars.
    """

    first: int
    bars: int

    @classmethod
    def of(cls, row: Row) -> Run | None:
        """Return what a row stands for, or None if it is a record, or does not say it."""
        found = _RUN.fullmatch(row.content) if row.kind == FORGOTTEN and row.sound else None
        return None if found is None else cls(int(found[1]), int(found[2]))

    def row(self, previous: bytes, last: Row) -> Row:
        """Return the row that stands for them.

        It keeps the number, the time and the checksum of the last of them, so that the records after it are chained to
        it as before, and proves itself by a digest over all it says and the checksum before the first of them.
        """
        said = f"{self.first}|{self.bars}|{last.number}|{last.time}|".encode()
        proof = hashlib.blake2b(previous + said + last.checksum, digest_size=16).hexdigest()
        content = f'{{"first":{self.first},"bars":{self.bars},"proof":"{proof}"}}'
        return Row(last.number, last.time, FORGOTTEN, content, last.checksum)


_RUN: Final = re.compile(r'\{"first":(\d{1,19}),"bars":(\d{1,19}),"proof":"[0-9a-f]{32}"\}', re.ASCII)


def first_of(row: Row) -> int:
    """Return the number of the first record that a row stands for: its own, but for a run of forgotten ones."""
    run = Run.of(row)
    return row.number if run is None else run.first


def follows(previous: bytes, row: Row) -> bool:
    """Whether a row is as it was written, after one of this checksum."""
    if not row.sound:
        return False
    if row.kind != FORGOTTEN:
        return checksum(previous, row.number, row.time, row.kind, row.content) == row.checksum
    run = Run.of(row)
    return run is not None and 1 <= run.first <= row.number and run.row(previous, row) == row


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal reaches: written in the same transaction as its last record.

    It is found in a damaged file by its looks alone, and so tells how much is missing.

    Attributes
    ----------
    number, checksum
        Of the last record.
    clean
        Whether the journal was closed, so that everything is in its main file.
    """

    number: int
    checksum: bytes
    clean: bool

    def __str__(self) -> str:
        said = f"journal-reach:{self.number:019d}:{self.checksum.hex()}:{'clean' if self.clean else 'in-use'}"
        return f"{said}:{_proof(said)}"

    @classmethod
    def parse(cls, text: object) -> Mark | None:
        """Read a mark, or return None if this is none."""
        found = cls.all_in(text.encode("utf-8", "replace")) if isinstance(text, str) else []
        return found[0] if len(found) == 1 and str(found[0]) == text else None

    @classmethod
    def all_in(cls, raw: bytes) -> list[Mark]:
        """Return the marks that stand anywhere in these bytes."""
        return [
            cls(int(number), bytes.fromhex(link.decode()), state == b"clean")
            for said, number, link, state, proof in _MARK.findall(raw)
            if _proof(said.decode()) == proof.decode()
        ]


_MARK: Final = re.compile(rb"(journal-reach:(\d{19}):([0-9a-f]{32}):(clean|in-use)):([0-9a-f]{16})")


def _proof(said: str) -> str:
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
