"""The figures as a table on the screen and as benchmarks/RESULTS.md."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure

COLUMNS = ("figure", "median", "from – to", "limit", "against", "note")


def show(figures: list[Figure], machine: str) -> None:
    """Print the figures."""
    table = Table(*COLUMNS, "", caption=machine, caption_justify="left")
    for figure in figures:
        mark = "" if figure.limit is None else "[green]ok[/]" if figure.ok else "[red]MISSED[/]"
        table.add_row(*_cells(figure), mark)
    made = Console()
    (made if made.is_terminal else Console(width=140)).print(table)


def markdown(figures: list[Figure], machine: str) -> str:
    """Write the figures as a document."""
    rows = ["| " + " | ".join(_cells(figure)) + " |" for figure in figures]
    return "\n".join(
        [
            "# Measured figures",
            "",
            "Written by `make bench`. Each figure is the median of several runs that alternate with what they are compared",
            "to; ratios are of one run. Absolute times are of this machine and its neighbours; ratios travel better.",
            "",
            machine,
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "|" + "---|" * len(COLUMNS),
            *rows,
            "",
        ]
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    low, high = figure.spread
    limit = "" if figure.limit is None else f"{figure.limit:g} {figure.unit}".strip()
    return (
        figure.name,
        f"{figure.value:.3g} {figure.unit}".strip(),
        f"{low:.3g} – {high:.3g}",
        limit,
        figure.ratio,
        figure.note,
    )
