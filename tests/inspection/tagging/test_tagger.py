"""The tagger with the package's own weights: what it finds, and that nothing makes it slow or unsteady."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.inspection.tagging import weights
from sallyport.inspection.tagging.tagger import Tagger, _entities
from sallyport.inspection.tagging.words import features, mode_of, outlines_of, pairs_of, seen_of

TAGGER = Tagger(weights.model(), leaning=1.0)


def found(text):
    return {(tag.type, text[tag.start : tag.end]) for tag in TAGGER.tags(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Please forward this to Anna Schmidt in Hamburg.",
            {("person", "Anna Schmidt"), ("location", "Hamburg")},
        ),
        (
            "hello, my name is anna schmidt and i live in hamburg",
            {("person", "anna schmidt"), ("location", "hamburg")},
        ),
        ("Mein Name ist Jürgen Müller.", {("person", "Jürgen Müller")}),
        (
            "Je m'appelle Camille Laurent et j'habite à Lyon.",
            {("person", "Camille Laurent"), ("location", "Lyon")},
        ),
        (
            "Ship it to 12 Maple Street, Springfield, IL 62704.",
            {("street_address", "12 Maple Street, Springfield, IL 62704")},
        ),
        ("Could you summarise the minutes of the meeting?", set()),
        ("Sort the list and print the result.", set()),
    ],
)
def test_what_is_found(text, expected):
    assert {(kind, value.rstrip(".")) for kind, value in found(text)} == expected


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_tags_lie_in_the_text_in_order_and_are_the_same_each_time(text):
    tags = TAGGER.tags(text)
    ends = [0, *(tag.end for tag in tags)]
    assert all(end <= tag.start < tag.end <= len(text) for end, tag in zip(ends, tags, strict=False))
    assert all(0 <= tag.score <= 1 for tag in tags)
    assert Tagger(weights.model(), leaning=1.0).tags(text) == tags


@given(
    st.lists(
        st.sampled_from(["Anna", "Schmidt", "the", ",", "in", "Paris", "12", "Street", "\n"]),
        min_size=1,
        max_size=12,
    )
)
def test_the_best_labels_are_those_of_a_search_over_all(tokens):
    """Viterbi against the plain sum: no single change of one label makes a path better."""
    model = weights.model()
    rows = [[0] * len(weights.LABELS) for _ in tokens]
    seen = [seen_of(token, mode_of(" ".join(tokens)), model.lists_of(token.lower())) for token in tokens]
    for row, its in zip(rows, features(tokens, seen), strict=True):
        for feature in its:
            packed = model.weight(feature)
            for label in range(len(weights.LABELS)):
                row[label] += (packed >> (16 * label)) & 0xFFFF
    labels = TAGGER._decoded(rows)

    def value(path):
        total, last = 0, 0
        for row, label in zip(rows, path, strict=True):
            if label and label % 2 == 0 and last not in (label, label - 1):
                return -(1 << 40)
            total += row[label] + model.transitions[last][label]
            last = label
        return total

    for at in range(len(labels)):
        for other in range(len(weights.LABELS)):
            assert value([*labels[:at], other, *labels[at + 1 :]]) <= value(labels)


def test_labels_that_belong_together():
    assert list(_entities([0, 1, 2, 2, 0, 1, 1, 3, 4])) == [
        ("PER", 1, 4),
        ("PER", 5, 6),
        ("PER", 6, 7),
        ("LOC", 7, 9),
    ]


def test_a_place_is_seen_in_training_as_at_run_time():
    tokens = ["in", "Paris", "with", "Anna"]
    seen = [seen_of(token, "m", "") for token in tokens]
    row = features(tokens, seen)[2]
    assert {*pairs_of(*seen[:4]), *outlines_of(*seen[1:4])} <= set(row)


@pytest.mark.parametrize(
    "text", ["A " * 20_000, "Anna " * 8_000, "a1" * 10_000, "(" * 50_000, "12 " * 10_000, "É" * 30_000]
)
def test_hostile_texts_end(text):
    assert all(tag.end <= len(text) for tag in TAGGER.tags(text))


def test_words_of_nobody_but_the_model_are_remembered():
    tagger = Tagger(weights.model())
    tagger.tags("Xyzzyqwert Plughfoo went home")
    assert not [word for word, _ in tagger._known if word in ("Xyzzyqwert", "Plughfoo")]


def test_the_weights_are_small():
    assert len(weights.files("sallyport.inspection.tagging").joinpath("tagger.bin").read_bytes()) < 2_500_000
