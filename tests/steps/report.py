# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the jobs of a step, and saying what came of them."""

import collections
import concurrent.futures
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import process


class StepError(Exception):
    """Something that a step needs is not to be had."""


@dataclass
class Outcome:
    """What a job found, counted in the tests that it ran."""

    passed: int = 0
    failed: int = 0
    output: str = ""  # shown when something failed
    not_checked: dict[str, int] = field(default_factory=dict)  # what and why, and how many tests it would be

    @classmethod
    def of(cls, result: process.Result) -> "Outcome":
        """Of a tool that counts as one test."""
        return cls(failed=1, output=result.output) if result.code else cls(passed=1)


def skipped(reason: str, count: int = 1) -> Outcome:
    return Outcome(not_checked={reason: count})


@dataclass
class Job:
    name: str
    work: Callable[[], Outcome]


def run_step(name: str, jobs: list[Job]) -> list[tuple[str, Outcome]]:
    """Run the jobs, two at a time, and print each as it ends."""
    print(f"\n== {name}")
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(timed, job): f"{name}: {job.name}" for job in jobs}
        try:
            for future in concurrent.futures.as_completed(futures):
                outcome, seconds = future.result()
                outcomes.append((futures[future], outcome))
                show(futures[future], outcome, seconds)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            process.end_all()
            raise
    if not outcomes:
        outcomes.append((name, Outcome(failed=1, output="there was nothing to run")))
        show(*outcomes[0], 0)
    print(f"-- {name}: {counts(outcomes)}")
    return outcomes


def timed(job: Job) -> tuple[Outcome, float]:
    start = time.monotonic()
    try:
        outcome = job.work()
    except StepError as error:
        outcome = Outcome(failed=1, output=str(error))
    except Exception:
        outcome = Outcome(failed=1, output=traceback.format_exc())
    return outcome, time.monotonic() - start


def show(name: str, outcome: Outcome, seconds: float) -> None:
    if outcome.failed:
        state = "FAIL"
    elif outcome.passed:
        state = "ok"
    else:
        state = "skip"
    tests = outcome.passed + outcome.failed
    share = f"{outcome.passed} of {tests}, " if tests > 1 else ""
    print(f"{state:4} {name} ({share}{seconds:.0f} s)")
    if outcome.failed:
        print("\n".join(f"     | {line}" for line in outcome.output.splitlines()[-100:]))
    for reason, count in outcome.not_checked.items():
        print(f"     not checked ({count}): {reason}")


def counts(outcomes: list[tuple[str, Outcome]]) -> str:
    passed = sum(outcome.passed for _, outcome in outcomes)
    failed = sum(outcome.failed for _, outcome in outcomes)
    not_checked = sum(sum(outcome.not_checked.values()) for _, outcome in outcomes)
    return f"{passed} passed, {failed} failed" + (f", {not_checked} skipped" if not_checked else "")


def finish(outcomes: list[tuple[str, Outcome]]) -> int:
    """Print what failed, what could not be checked and, as the last line, the sum. Returns the exit code."""
    print()
    failures = [name for name, outcome in outcomes if outcome.failed]
    if failures:
        print("failed: " + "; ".join(failures))
    missing = collections.Counter()
    for _, outcome in outcomes:
        missing.update(outcome.not_checked)
    if missing:
        print(f"not checked ({missing.total()}): " + "; ".join(missing))
    print(counts(outcomes))
    return 1 if failures else 0
