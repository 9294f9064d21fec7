# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure that is promised, and the table of them all."""

import statistics
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Figure(NamedTuple):
    name: str
    ours: float
    peer: float  # what ours is compared with, or the limit itself
    allowed: float  # ours / peer at most
    unit: str

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def ok(self) -> bool:
        return self.ratio <= self.allowed


def alternated(rounds: int, *runs: Callable[[], Iterable[float]]) -> list[list[float]]:
    """Run one after the other, so many times, so that all of them meet the same machine. The medians of each."""
    results = []
    for number in range(rounds):
        results.append([tuple(run()) for run in runs])
        say(f"     round {number + 1} of {rounds}: {'; '.join(map(_shown, results[-1]))}")
    return [medians(result) for result in zip(*results, strict=True)]


def medians(rows: Iterable[Iterable[float]]) -> list[float]:
    """The median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def table(figures: Iterable[Figure]) -> str:
    rows = [("name", "ours", "peer", "ratio", "allowed", "ok")]
    for one in figures:
        ours, peer = (f"{value:.3g} {one.unit}" for value in (one.ours, one.peer))
        rows.append(
            (one.name, ours, peer, f"{one.ratio:.2f}", f"{one.allowed:.2f}", "yes" if one.ok else "NO")
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_padded(row, widths) for row in rows)


def say(text: str) -> None:
    print(text, flush=True, file=sys.stderr)


def _shown(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def _padded(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
