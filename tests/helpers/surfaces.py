"""The guarded surfaces of the door, as its own table of routes has them; what the coverage matrix says of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, get_args

from surface_places import OPTIONS, Place, Watch, places, planted, shapes

from sallyport.model import Call, Channel
from sallyport.settings import loads
from sallyport.wiring.routes import routes

CHANNELS: tuple[Channel, ...] = get_args(Channel)
MARK = "xplantedx"
# (surface, channel) -> why a request of that surface has no such text.
NO_PLACE: dict[tuple[str, str], str] = {
    **{
        ("/v1/completions", channel): "the wire has prompts alone"
        for channel in ("system", "assistant", "tool_definition", "tool_arguments", "tool_result", "document")
    },
    **{
        ("/v1/embeddings", channel): "the wire has inputs alone, which are documents"
        for channel in ("system", "user", "assistant", "tool_definition", "tool_arguments", "tool_result")
    },
}
# Members whose text nobody but the provider can read: their form is checked, not what they say.
SEALED = {
    "messages[user].content[thinking].signature",
    "messages[assistant].content[thinking].signature",
    "messages[user].content[redacted_thinking].data",
    "messages[assistant].content[redacted_thinking].data",
    "input[reasoning].encrypted_content",
}
# Bytes that nobody can look into: refused unless settings and policies allow it, and then the log marks the call.
UNREAD = {
    "messages[user].content[input_audio].input_audio.data",
    "messages[user].content[file].file.file_data",
    "input[user].content[input_file].file_data",
    "input[function_call_output].output[input_file].file_data",
    "messages[user].content[image].source[base64].data",
    "messages[user].content[document].source[base64].data",
}
NO_STREAM = {
    "/v1/embeddings": "an answer is a list of numbers",
    "/v1/messages/count_tokens": "an answer is one number",
}


def surfaces() -> dict[str, Any]:
    """Path -> dialect, of every route whose calls go through the corridor."""
    exact, _ = routes(SimpleNamespace(settings=loads("")))  # type: ignore[arg-type]
    return {
        path: route.dialect
        for path, listed in exact.items()
        for route in listed
        if route.handler.__name__ == "guarded"
    }


def streams(dialect: Any) -> bool:
    """Whether a surface streams."""
    return hasattr(dialect, "stream")


def channels_of(path: str, dialect: Any, place: Place) -> frozenset[Channel] | None:
    """The channels that a text in a place is inspected as; None where no text may stand.

    Fails where a text may stand in a shape in which it is not inspected.
    """
    found: set[Channel] = set()
    for _, value in shapes(place.check, MARK):
        call = dialect.parse(b"{}", planted(path, place, value), OPTIONS)
        if isinstance(call, Call):
            here = {leaf.channel for leaf in call.leaves if MARK in leaf.text}
            excused = (
                place.name in SEALED | UNREAD or place.name == "model"
            )  # a model must be one of the settings' names
            if bool(here) is excused:
                raise AssertionError(f"{path}: {place.name} is {'' if here else 'not '}inspected")
            found |= here
    return frozenset(found) or None


def all_places(watch: Watch | None = None) -> dict[str, list[Place]]:
    """The places of all surfaces."""
    watch = watch or Watch()
    return {path: places(dialect, path, watch) for path, dialect in surfaces().items()}
