"""Surface x direction x channel x stream: no cell is empty, and what cannot be is said, with its reason."""

from __future__ import annotations

import coverage_page
import pytest
from surface_places import Watch, places, planted, sites, tables
from surface_requests import SEEDS
from surfaces import CHANNELS, NO_PLACE, NO_STREAM, channels_of, streams, surfaces

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import Options

SURFACES = surfaces()


@pytest.fixture(scope="module")
def watch():
    return Watch()


@pytest.fixture(scope="module")
def known(watch):
    return {path: places(dialect, path, watch) for path, dialect in SURFACES.items()}


def test_every_guarded_route_has_its_row():
    assert set(SEEDS) == set(SURFACES)


def test_every_table_of_fields_and_every_question_about_one_is_reached(known, watch):
    assert sites() - watch.sites == set()
    seen = [table.items() for table in watch.tables.values()]
    unseen = [name for name, table in tables() if not any(table.items() <= items for items in seen)]
    assert unseen == []


@pytest.mark.parametrize("path", SURFACES)
def test_no_cell_is_empty_and_none_that_cannot_be_is_filled(known, path):
    filled = {c for place in known[path] for c in channels_of(path, SURFACES[path], place) or ()}
    excused = {channel for surface, channel in NO_PLACE if surface == path}
    assert filled | excused == set(CHANNELS)
    assert not filled & excused


@pytest.mark.parametrize("path", SURFACES)
def test_a_surface_streams_or_refuses_to(path):
    assert streams(SURFACES[path]) is (path not in NO_STREAM)
    if path in NO_STREAM:
        document = {**SEEDS[path][0], "stream": True}
        refused = SURFACES[path].parse(b"{}", document, Options())
        assert isinstance(refused, Refusal)
        assert refused.param == "stream"


def test_a_place_that_nobody_reads_would_be_noticed(known):
    class Blind:
        def parse(self, raw, document, options):
            from msgspec.structs import replace

            return replace(SURFACES["/v1/completions"].parse(raw, document, options), leaves=())

    place = next(p for p in known["/v1/completions"] if p.name == "suffix")
    with pytest.raises(AssertionError, match="suffix is not inspected"):
        channels_of("/v1/completions", Blind(), place)


def test_what_is_planted_stands_where_it_should(known):
    place = next(p for p in known["/v1/chat/completions"] if p.name == "messages[user].content")
    assert planted("/v1/chat/completions", place, "here")["messages"][0]["content"] == "here"


def test_the_page_says_what_the_tests_execute():
    """To write it anew: python tests/helpers/coverage_page.py."""
    page = coverage_page.PAGE.read_text(encoding="utf-8")
    assert (
        page.partition(coverage_page.BEGIN)[2].partition(coverage_page.END)[0].strip() == coverage_page.made()
    )
