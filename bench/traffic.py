"""What is sent: one prompt of 0.9 kB, one answer of 0.8 kB, and a stream of words. Ordinary prose, no findings."""

from __future__ import annotations

import json

PROMPT = (
    "Please help me with the answer to a customer who wrote to us this morning. She ordered a pair of walking "
    "boots three weeks ago, and the parcel came with the wrong size. She has already sent them back, and she "
    "would like to know when the right pair will reach her, because her holiday in the mountains begins at the "
    "end of the month. Our warehouse says that the size is in stock again since yesterday, and that a new parcel "
    "usually takes between two and four working days. Write a short and friendly reply, tell her what happens "
    "next, mention how glad we are about her trust, and leave the exact day open. Use at most one hundred words."
)
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


def request(model: str, *, stream: bool = False) -> bytes:
    """The body that every peer gets."""
    document = {
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}],
        "temperature": 0.2,
        "max_tokens": 300,
    }
    if stream:
        document["stream"] = True
    return json.dumps(document).encode()


def answer() -> bytes:
    """The body that the upstream always gives."""
    return json.dumps(
        {
            "id": "chatcmpl-9f2c1d4e8a7b4c6d",
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
local bodies, headers, n, i = {%(body)s}, {%(headers)s}, %(count)d, 0
local requests = {}
init = function(args)
  for k = 1, n do
    requests[k] = wrk.format("POST", "%(path)s", headers[k], bodies[1])
  end
end
request = function()
  i = i %% n + 1
  return requests[i]
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
    return LUA % {"body": _quote(body.decode()), "headers": tables, "count": len(headers), "path": path}


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
