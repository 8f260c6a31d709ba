"""Everything that can be known of a configuration before it starts: read, resolved, built, but nothing served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sallyport.errors import CATALOGUE, Fault, SettingsError
from sallyport.settings import Settings, load, unsafe_switches
from sallyport.wiring import preflight_machine, preflight_rooms

Check = Callable[[Settings], Iterator[SettingsError]]
CHECKS: tuple[tuple[str, Check], ...] = (*preflight_rooms.CHECKS, *preflight_machine.CHECKS)
ADVICE = "correct it; docs/settings.md says what each key takes"


def preflight(path: Path) -> tuple[list[SettingsError], list[str]]:
    """All problems that can be found, each with a fix, and the `unsafe_` switches that are set."""
    try:
        settings = load(path)
    except SettingsError as error:
        return [_with_fix(error)], []
    problems = [problem for name, check in CHECKS for problem in _run(name, check, settings)]
    return [_with_fix(problem) for problem in problems], unsafe_switches(settings)


def _run(name: str, check: Check, settings: Settings) -> Iterator[SettingsError]:
    """A check that fails is itself a problem: what cannot be judged is not good."""
    try:
        yield from check(settings)
    except SettingsError as error:
        yield error
    except Fault as fault:
        yield SettingsError(name, fault.detail or CATALOGUE[fault.code].message)
    except (OSError, ValueError, OverflowError) as error:
        yield SettingsError(name, f"cannot be used: {error}")


def _with_fix(problem: SettingsError) -> SettingsError:
    return problem if problem.fix else SettingsError(problem.key, problem.problem, ADVICE)
