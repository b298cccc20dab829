"""A command that speaks of its own options where the library speaks Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from cryptobot.core.errors import CryptobotError

_VALUE: Final = r"(?P<value>'[^']*'|[\w+-]+(?:\.\w+)*)"
_CALL: Final = r"(?:[a-zA-Z_]\w*\.)*[a-zA-Z_]\w*\([^()]*\)(?:\.\w+\(\))*"
# Said for both: "cb.launch(...), or `cryptobot run`"; "new_journal=True, or --new-journal"; "f(x=None), or x = 'all'".
_BOTH: Final = re.compile(rf"(?:{_CALL}|\b\w+={_VALUE}),? or (?=`cryptobot |--|\w+ = )")
# What only an object of Python has: "as a time, or datetime.timedelta(days=90)", ": `.skipped` names them",
# ": bars = bars.sort_index()".
_ONLY: Final = re.compile(
    r",? or a datetime with a zone|,? or (?:\w+\.)+\w+\([^()]*\)(?=[.;])|: `\.\w+` names them|: bars(?:\[[^]]*\])? = \S+\)(?=\.)"
)
_BARE: Final = re.compile(r"\bcb\.(?P<name>\w+)\(\)")


class Command(TyperCommand):
    """Runs as any command does; an error of the library's is told in the words of the command line."""

    def invoke(self, ctx: Any) -> Any:
        """Run it, and say on failure what its reader can type."""
        try:
            return super().invoke(ctx)
        except CryptobotError as error:
            error.args = (in_its_words(str(error), ctx), *error.args[1:])
            raise


def in_its_words(text: str, ctx: Any) -> str:
    """Return a text of the library's in the words of the command that runs.

    Parameters
    ----------
    text
        For somebody who writes Python, who would be told ``fee=0.001``.
    ctx
        The command's context; its options are known from it.
    """
    options = {one.name: max(one.opts, key=len) for one in ctx.command.params if one.opts[0].startswith("-")}
    root = ctx.find_root().command
    return spoken(text, options, root.commands if isinstance(root, TyperGroup) else ())


def spoken(text: str, options: Mapping[str, str], commands: Collection[str] = ()) -> str:
    """Turn arguments of Python into options of the command line.

    Parameters
    ----------
    text
        What the library says.
    options
        How each argument is written on the command line, by its name in Python.
    commands
        The commands that there are.

    Examples
    --------
    >>> spoken("fee: -1 is not allowed.", {"fee": "--fee"})
    '--fee: -1 is not allowed.'
    >>> spoken("step: '30d' is longer than test='20d'; leave step out.", {"step": "--step", "test": "--test"})
    "--step: '30d' is longer than --test 20d; leave --step out."
    >>> spoken("cb.runs() lists those there are.", {}, ["runs"])
    '`cryptobot runs` lists those there are.'
    >>> spoken("Launch it with cb.launch(...), or `cryptobot run`.", {})
    'Launch it with `cryptobot run`.'
    """
    text = _ONLY.sub("", _BOTH.sub("", text))
    text = _BARE.sub(lambda found: _command(found, commands), text)
    if not options:
        return text
    name = f"(?P<name>{'|'.join(map(re.escape, options))})"
    text = re.sub(rf"^{name}(?=: )", lambda found: options[found["name"]], text)
    text = re.sub(rf"(?<=\b[Ll]eave ){name}(?= out\b)", lambda found: options[found["name"]], text)
    given = rf"{name}={_VALUE}"
    # The argument of a call stands for the call; what else stands in brackets is somebody else's.
    for form in (rf"\b(?:cb\.)?[a-z_]+\((?:\w+, )*{given}\)", rf"\b{given}(?![^()]*\))"):
        text = re.sub(form, lambda found: _option(options[found["name"]], found["value"]), text)
    return text


def _command(found: re.Match[str], commands: Collection[str]) -> str:
    name = found["name"].replace("_", "-")
    return f"`cryptobot {name}`" if name in commands else found[0]


def _option(option: str, value: str) -> str:
    return option if value == "True" else f"{option} {shlex.quote(value.strip(chr(39)))}"
