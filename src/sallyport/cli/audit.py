"""`sallyport audit ...`: the log, checked, read and proved. Works offline on the log's folder."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sallyport.cli.client import OWN, connect
from sallyport.cli.output import data_folder, emit, fail, say, table

audit = typer.Typer(help="The audit log: verify, read, prove.", no_args_is_help=True)
Dir = Annotated[
    Path | None, typer.Option("--dir", help="The log's folder (default: that of the state folder).")
]
Request = Annotated[str, typer.Argument(help="Request id, from the header x-request-id.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Key = Annotated[list[str] | None, typer.Option("--key", help="The log's public key as you know it, base64.")]


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(audit, name="audit")


def folder(chosen: Path | None) -> Path:
    """The log's folder. Exits with 3 where there is none."""
    place = chosen or data_folder() / "audit"
    if not any((place / part).is_dir() for part in ("registry", "shards")):
        raise fail(f"{place} is no log. Name one with --dir: the folder audit in the state folder.", 3)
    return place


@audit.command()
def verify(dir: Dir = None, key: Key = None, *, json: Json = False) -> None:  # noqa: A002 - the option's name
    """Check the whole log; name the first bad entry.

    Every entry, tile, checkpoint and payload is read. Exit code 1 if one is bad, 3 if there is no log.
    """
    from sallyport.audit.verify import verify_directory  # noqa: PLC0415

    place, keys = folder(dir), keys_of(key)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        transient=True,
        disable=json or not sys.stderr.isatty(),
    ) as bar:
        tasks: dict[str, Any] = {}

        def progress(log: str, done: int, total: int) -> None:
            if log not in tasks:
                tasks[log] = bar.add_task(log)
            bar.update(tasks[log], completed=done, total=total)

        report = verify_directory(place, public_keys=keys, progress=progress)
    if json:
        emit({"ok": report.ok, "trusted": report.trusted, **as_json(report)})
    else:
        rows = [
            (log.log, log.size, log.unpublished, log.payloads, len(log.open_intents)) for log in report.logs
        ]
        table(("log", "entries", "not yet published", "payloads", "open calls"), rows)
        say(_verdict(report))
    raise typer.Exit(0 if report.ok else 1)


def _verdict(report: Any) -> str:
    if report.ok and report.trusted:
        return "The log is as it was signed, by the key that you gave."
    if report.ok:
        return (
            "The log agrees with itself and its own key. To rule out a forged log, give the key: --key BASE64"
        )
    return f"THE LOG IS NOT AS IT WAS SIGNED. First: {report.first}  ({len(report.problems)} in all)"


@audit.command()
def show(request: Request, dir: Dir = None) -> None:  # noqa: A002
    """The entries of a call, as JSON. Exit code 1 if there are none, 3 if there is no log."""
    from sallyport.audit.read import show as read_entries  # noqa: PLC0415

    emit(read_entries(folder(dir), request))


@audit.command()
def tail(
    dir: Dir = None,  # noqa: A002
    count: Annotated[int, typer.Option("-n", min=0, max=100_000, help="How many.")] = 10,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with each new one.")] = False,
    json: Json = False,
) -> None:
    """The newest entries. Exit code 3 if there is no log."""
    from sallyport.audit.read import tail as read_tail  # noqa: PLC0415

    for row in read_tail(folder(dir), count, follow=follow):
        say(jsonlib.dumps(row) if json else _line(row))


def _line(row: dict[str, Any]) -> str:
    facts = [row.get(name) for name in ("request", "action", "model", "verdict", "code", "stage")]
    if row["kind"] == "refusals":
        facts = [f"{code} {n}" for code, n in _counts(row["counts"])]
    return f"{row['shard']}/{row['index']:<6} {row['kind']:<12} " + "  ".join(str(f) for f in facts if f)


def _counts(counts: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for code, count in counts.items():
        yield from count.items() if isinstance(count, dict) else ((code, count),)


@audit.command("key")
def show_key(dir: Dir = None, *, json: Json = False) -> None:  # noqa: A002
    """The log's public key, to be kept elsewhere.

    Give it to --key when you verify. Exit code 3 if there is no log.
    """
    from sallyport.audit.reader import LogReader  # noqa: PLC0415
    from sallyport.audit.shard import shards_of  # noqa: PLC0415

    keys = sorted(
        {jsonlib.loads(LogReader(place).entry(0))["public_key"] for place in shards_of(folder(dir))}
    )
    emit({"keys": keys}) if json else say("\n".join(keys))


@audit.command()
def prove(
    request: Request,
    dir: Dir = None,  # noqa: A002
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write (default: standard output).")
    ] = None,
    *,
    mine: Annotated[
        bool, typer.Option("--mine", help="Ask the door for my own call, with the opening.")
    ] = False,
) -> None:
    """A receipt that a stranger can check, in one file.

    It holds the entries of the call, their inclusion proofs and the checkpoint; with --mine also what opens the
    commitment to the answer. Exit code 1 if the log has no such call.
    """
    if mine:
        document = connect().get(f"{OWN}/receipts/{request}")
    else:
        from sallyport.audit.prove import prove as build  # noqa: PLC0415

        document = build(folder(dir), request)
    text = jsonlib.dumps(document, indent=1)
    if out is None:
        say(text)
    else:
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise fail(f"{out} cannot be written ({error.strerror}). Name another file.", 3) from None
        say(f"Wrote {out}. Next: sallyport audit verify-receipt {out}", err=True)


@audit.command("verify-receipt")
def verify_receipt(
    file: Annotated[Path, typer.Argument(help="The receipt.")],
    delivered: Annotated[
        Path | None, typer.Option("--delivered", help="The answer's bytes as they arrived.")
    ] = None,
    key: Key = None,
    *,
    json: Json = False,
) -> None:
    """Check a receipt; needs nothing but the file. Exit code 1 if it does not hold."""
    from sallyport.audit.prove import verify_receipt as check  # noqa: PLC0415

    try:
        document = jsonlib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise fail(
            f"{file} is no receipt ({type(error).__name__}). Make one: sallyport audit prove", 3
        ) from None
    keys = keys_of(key)
    try:
        answer = delivered.read_bytes() if delivered else None
    except OSError as error:
        raise fail(f"{delivered} cannot be read ({error.strerror}). Name the answer's bytes.", 3) from None
    report = check(
        document if isinstance(document, dict) else {},
        keys[0] if keys else None,
        delivered=answer,
    )
    if json:
        emit({"ok": report.ok, **as_json(report)})
    else:
        for index, entry in report.entries.items():
            say(f"proven: {report.shard}/{index} {entry['kind']}")
        say("The receipt holds." if report.ok else "THE RECEIPT DOES NOT HOLD: " + "; ".join(report.problems))
        if report.ok and not report.trusted:
            say("It was checked with its own key. To know whose it is, give the log's key: --key BASE64")
    raise typer.Exit(0 if report.ok else 1)


@audit.command()
def export(
    dir: Dir = None,  # noqa: A002
    *,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One entry a line (the only format so far).")] = True,
) -> None:
    """Every entry as one line of JSON on standard output. Exit code 3 if there is no log."""
    from sallyport.audit.read import export_jsonl  # noqa: PLC0415

    if not jsonl:
        raise fail("the format must be --jsonl.", 2)
    export_jsonl(folder(dir), sys.stdout.buffer)


@audit.command()
def content(
    request: Request,
    purpose: Annotated[
        str, typer.Option("--purpose", help="Why you read it; needed unless it is your own call.")
    ] = "",
) -> None:
    """What was said in a call, where the policy lets you.

    The door opens the sealed record; each read is an entry of the log. Exit code 4 if it refuses.
    """
    emit(connect().post(f"{OWN}/records/{request}", {"purpose": purpose}))


def as_json(report: Any) -> dict[str, Any]:
    """A report as JSON values."""
    import msgspec  # noqa: PLC0415

    values: dict[str, Any] = msgspec.to_builtins(report, str_keys=True)
    return values


def keys_of(given: list[str] | None) -> list[bytes] | None:
    """Public keys from base64. Exits with 2 where one is none."""
    import base64  # noqa: PLC0415

    try:
        keys = [base64.b64decode(key, validate=True) for key in given or ()]
    except ValueError:
        raise fail("--key must be base64.", 2) from None
    return keys or None
