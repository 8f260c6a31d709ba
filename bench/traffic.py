"""What is sent: one prompt of 0.9 kB, one answer of 0.8 kB, and a stream of words. Ordinary prose, no findings."""

from __future__ import annotations

import json

PROMPT = (
    "Please help me with the answer to a customer who wrote to us this morning. She ordered a pair of walking "
    "boots three weeks ago, and the parcel came with the wrong size. She has already sent them back, and she "
    "would like to know when the right pair will reach her, because her holiday in the mountains begins at the "
    "end of the month. Our warehouse says that the size is in stock again since yesterday, and that a new parcel "
    "usually takes between two and four working days. Write a short and friendly reply, tell her what happens "
    "next, and leave the exact day open. Use at most one hundred words. Her boots were @@."
)
# No two turns in a row are alike: a door that remembers verdicts has to look at each. As many as 24 ** 3.
COLOURS = (  # noqa: SIM905
    "black brown grey green blue red orange yellow white purple pink beige silver golden copper olive navy "
    "crimson scarlet ivory amber violet maroon turquoise"
).split()
ANSWER = (
    "Thank you for writing to us, and please accept our apology for the mix-up with your boots. The right size is "
    "back in our warehouse since yesterday, and we are packing a new pair for you now. A parcel usually takes "
    "between two and four working days, so we expect that you will have it well before your holiday begins. As "
    "soon as it leaves us you will get a message with which you can follow its way. Should anything be wrong this "
    "time, answer this message and we will look after it at once. Have a wonderful time in the mountains!"
)
STREAMED = 200  # chunks of a stream
WORDS = [word + " " for word in (ANSWER + " " + PROMPT + " " + ANSWER).split()][:STREAMED]
SYSTEM = "You are a helpful assistant of a shop for outdoor equipment. Answer in plain English."


def turn(number: int) -> str:
    """The user's words of one call."""
    count = len(COLOURS)
    places = (number, number // count, number // count // count)
    return PROMPT.replace("@@", " and ".join(COLOURS[place % count] for place in places))


def request(model: str, *, stream: bool = False, number: int | None = None) -> bytes:
    """The body that every peer gets; without a number `@@` stands where the turns differ."""
    document = {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": PROMPT if number is None else turn(number)},
        ],
        "temperature": 0.2,
        "max_tokens": 300,
    }
    if stream:
        document["stream"] = True
    return json.dumps(document).encode()


def answer() -> bytes:
    """The body that the upstream gives; `@@` stands for the id, which is new each time."""
    return json.dumps(
        {
            "id": "chatcmpl-@@",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": "support-chat",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": ANSWER},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 190, "completion_tokens": 120, "total_tokens": 310},
            "system_fingerprint": "fp_44709d6fcb",
        }
    ).encode()


def chunks() -> list[bytes]:
    """The events of a stream: a role, `STREAMED` words, a reason, usage, the end mark."""
    events = [_chunk({"role": "assistant", "content": ""}, None)]
    events += [_chunk({"content": word}, None) for word in WORDS]
    events.append(_chunk({}, "stop"))
    return [*events, b"data: [DONE]\n\n"]


def _chunk(delta: dict[str, str], reason: str | None) -> bytes:
    document = {
        "id": "chatcmpl-9f2c1d4e8a7b4c6d",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "support-stream",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
    }
    return b"data: " + json.dumps(document).encode() + b"\n\n"


LUA = """
local before, after, headers, n, i = %(before)s, %(after)s, {%(headers)s}, %(count)d, 0
local colours, many = {%(colours)s}, %(many)d
request = function()
  i = i + 1
  local one, two, three = i %% many, math.floor(i / many) %% many, math.floor(i / many / many) %% many
  local body = before .. colours[one + 1] .. " and " .. colours[two + 1] .. " and " .. colours[three + 1] .. after
  return wrk.format("POST", "%(path)s", headers[i %% n + 1], body)
end
done = function(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%%d,"us":%%d,"p50":%%.3f,"p99":%%.3f,"status":%%d,"other":%%d}\\n', summary.requests, summary.duration,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def lua(path: str, body: bytes, headers: list[dict[str, str]]) -> str:
    """A script for wrk: the same body under each set of headers in turn; prints one line of JSON."""
    tables = ",".join(
        "{" + ",".join(f"[{_quote(k)}]={_quote(v)}" for k, v in h.items()) + "}" for h in headers
    )
    before, after = body.decode().split("@@")
    return LUA % {
        "before": _quote(before),
        "after": _quote(after),
        "colours": ",".join(map(_quote, COLOURS)),
        "many": len(COLOURS),
        "headers": tables,
        "count": len(headers),
        "path": path,
    }


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
