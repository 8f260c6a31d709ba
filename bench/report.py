"""From figures to tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OFF, ON, FLOOR, PEER = "sallyport, guards off", "sallyport, all guards", "nginx", "LiteLLM"
Figures = Mapping[str, Any]


def targets(result: Figures) -> list[dict[str, Any]]:
    """What must be reached, what was, for every pair of rows that was measured."""
    us = {name: row["us"] for name, row in result["whole"].items()}
    chunk = {name: row["us"] for name, row in result["streams"].items()}
    memory = {name: row["rss"] for name, row in result["memory_mb"].items()}
    held = result.get("held", {}).get("median")
    added = _minus(result["streams"], "first_p50", ON, FLOOR)
    wanted = [
        ("guards off, CPU per request, x nginx", _ratio(us, OFF, FLOOR), "<=", 10),
        ("all guards, CPU per request, x nginx", _ratio(us, ON, FLOOR), "<=", 14),
        ("guards off, requests per CPU second, x LiteLLM", _ratio(us, PEER, OFF), ">=", 50),
        ("all guards, requests per CPU second, x LiteLLM", _ratio(us, PEER, ON), ">=", 35),
        ("streams with output guard, CPU per chunk, x nginx", _ratio(chunk, ON, FLOOR), "<=", 2.2),
        ("first event of a stream, added p50, ms", added, "<=", 5),
        ("characters held, median", held, "<=", 16),
        ("resident memory per worker, x LiteLLM", _ratio(memory, ON, PEER), "<=", 0.333),
    ]
    return [
        {
            "what": what,
            "is": round(value, 3),
            "must": f"{sign} {bound}",
            "reached": _holds(value, sign, bound),
        }
        for what, value, sign, bound in wanted
        if value is not None
    ]


def _ratio(figures: Mapping[str, float], one: str, other: str) -> float | None:
    return figures[one] / figures[other] if one in figures and other in figures else None


def _minus(rows: Figures, what: str, one: str, other: str) -> float | None:
    return rows[one][what] - rows[other][what] if one in rows and other in rows else None


def _holds(value: float, sign: str, bound: float) -> bool:
    return value <= bound if sign == "<=" else value >= bound


def sections(result: Figures) -> list[tuple[str, list[list[str]]]]:
    """Titles and rows; the first row is the head."""
    floor = result["whole"].get(FLOOR, {}).get("us")
    whole = [
        ["whole answers, 32 connections", "CPU us/request", "x nginx", "spread", "req/s", "p50 ms", "p99 ms"]
    ]
    for name, row in result["whole"].items():
        whole.append(
            [
                name,
                f"{row['us']:.1f}",
                f"{row['us'] / floor:.1f}" if floor else "",
                f"{row['spread']:.0%}",
                f"{row['per_second']:.0f}",
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
            ]
        )
    floor = result["streams"].get(FLOOR, {}).get("us")
    flows = [
        [
            "streams, 32 x 200 chunks at 5 ms (LiteLLM: 8)",
            "CPU us/chunk",
            "x nginx",
            "spread",
            "first event ms",
            "first text ms",
            "whole ms",
        ]
    ]
    for name, row in result["streams"].items():
        flows.append(
            [
                name,
                f"{row['us']:.1f}",
                f"{row['us'] / floor:.2f}" if floor else "",
                f"{row['spread']:.0%}",
                f"{row['first_p50']:.1f}",
                f"{row['text_p50']:.1f}",
                f"{row['took_p50']:.0f}",
            ]
        )
    memory = [["memory after the run, MB", "PSS", "RSS"]]
    memory += [[name, f"{row['pss']:.0f}", f"{row['rss']:.0f}"] for name, row in result["memory_mb"].items()]
    goals = [["target", "measured", "must", "reached"]]
    goals += [
        [t["what"], f"{t['is']:g}", t["must"], "yes" if t["reached"] else "NO"] for t in result["targets"]
    ]
    return [("Whole answers", whole), ("Streams", flows), ("Memory", memory), ("Targets", goals)]


def table(result: Figures) -> str:
    """For a terminal."""
    out = []
    for _, rows in sections(result):
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
            out.append("  ".join(cells))
        out.append("")
    return "\n".join(out)


def markdown(result: Figures) -> str:
    """For the repository."""
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    out = [
        "# Figures of `scripts/bench`",
        "",
        f"{result['date']}, Python {result['python']}; {machine}.",
        "Written by `scripts/bench --record`; what the figures mean is in `docs/performance.md`.",
        "",
    ]
    for title, (head, *rows) in sections(result):
        out += [f"## {title}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        out += ["| " + " | ".join(row) + " |" for row in rows]
        out.append("")
    return "\n".join(out)
