"""What the server says about itself, and errors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mcp_server.models.base import Answer


class Health(Answer):
    """The server is up; open to everybody, so it says nothing else."""

    status: Literal["ok"] = "ok"
    service: Literal["cryptobot price server"] = "cryptobot price server"


class Problem(Answer):
    """What was wrong with a request."""

    code: str = Field(description="One word for programs")
    message: str = Field(description="What was seen, what is allowed, what to do next")
    allowed: list[str] | None = Field(default=None, description="The valid values")


class ErrorAnswer(Answer):
    """The body of every answer that is not a success."""

    error: Problem
