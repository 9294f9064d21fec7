# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the jobs of a step, and saying what came of them."""

import collections
import concurrent.futures
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import paths
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
    name: str = ""
    seconds: float = 0  # of the job's own where it had to wait for something, else until it ended

    @classmethod
    def of(cls, result: process.Result) -> "Outcome":
        """Of a tool that counts as one test."""
        return cls(failed=1, output=result.output) if result.code else cls(passed=1)


def skipped(reason: str) -> Outcome:
    return Outcome(not_checked={reason: 1})


@dataclass
class Job:
    name: str
    work: Callable[[], Outcome]


def run_step(name: str, jobs: list[Job], at_once: int = 2) -> list[Outcome]:
    """Run the jobs, some at a time, and print each as it ends."""
    say(f"\n== {name}")
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(do, job) for job in jobs or [Job("all", nothing)]]
        try:
            for future in concurrent.futures.as_completed(futures):
                outcome = future.result()
                outcome.name = f"{name}: {outcome.name}"
                outcomes.append(outcome)
                show(outcome)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            process.end_all()
            raise
    say(f"-- {name}: {counts(outcomes)}")
    return outcomes


def nothing() -> Outcome:
    return Outcome(failed=1, output="there was nothing to run")


def do(job: Job) -> Outcome:
    start = time.monotonic()
    try:
        outcome = job.work()
    except StepError as error:
        outcome = Outcome(failed=1, output=str(error))
    except Exception:
        # A mistake in a step is a failure of that step; the others go on.
        outcome = Outcome(failed=1, output=traceback.format_exc())
    outcome.name, outcome.seconds = job.name, outcome.seconds or time.monotonic() - start
    return outcome


def say(text: str) -> None:
    """Print in one piece: two jobs may speak at once."""
    sys.stdout.write(f"{text}\n")


def show(outcome: Outcome) -> None:
    if outcome.failed:
        state = "FAIL"
    elif outcome.passed:
        state = "ok"
    else:
        state = "skip"
    tests = outcome.passed + outcome.failed
    share = f"{outcome.passed} of {tests}, " if tests > 1 else ""
    say(f"{state:4} {outcome.name} ({share}{outcome.seconds:.0f} s)")
    if outcome.failed:
        say("\n".join(f"     | {line}" for line in outcome.output.splitlines()[-60:]))
    for reason, count in outcome.not_checked.items():
        say(f"     not checked ({count}): {reason}")


def counts(outcomes: list[Outcome]) -> str:
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    not_checked = sum(sum(outcome.not_checked.values()) for outcome in outcomes)
    return f"{passed} passed, {failed} failed" + (f", {not_checked} skipped" if not_checked else "")


def finish(outcomes: list[Outcome]) -> int:
    """Print what failed, what could not be checked and, as the last line, the sum. Returns the exit code."""
    failures = [outcome.name for outcome in outcomes if outcome.failed]
    if failures:
        say(f"\nfailed: {'; '.join(failures)}\nlogs: {paths.logs()}")
    not_checked = collections.Counter()
    for outcome in outcomes:
        not_checked.update(outcome.not_checked)
    if not_checked:
        say(f"\nnot checked ({not_checked.total()}): {'; '.join(not_checked)}")
    say(counts(outcomes))
    return 1 if failures else 0
