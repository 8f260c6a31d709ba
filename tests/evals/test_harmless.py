from __future__ import annotations

import pytest

from evals import twins
from evals.own import own_harmless
from evals.pipeline import Pipeline
from sallyport.inspection.thresholds import BLOCK_SCORE
from sallyport.model import Channel

TEXTS = list(own_harmless())


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.mark.parametrize(("text", "channel", "kind"), TEXTS, ids=[text[:40] for text, _, _ in TEXTS])
def test_an_ordinary_text_is_never_blocked(
    pipeline: Pipeline, text: str, channel: Channel, kind: str
) -> None:
    assert pipeline.judge(text, channel).score < BLOCK_SCORE, kind


def test_nothing_is_trained_on_them() -> None:
    trained = {row.text.lower() for row in twins.rows()}
    assert not [text for text, _, _ in TEXTS if text.lower() in trained]
