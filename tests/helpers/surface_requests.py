"""Requests that between them use every table of every dialect: what the coverage matrix plants its texts in."""

from __future__ import annotations

from door_anthropic import SIGNATURE

from sallyport.gateway.dialects import anthropic_blocks, anthropic_request, openai_request, responses_items

MODELS = {"anthropic": "support-claude"}  # by dialect; all others: "support-chat"
SCHEMA = {"type": "object", "properties": {"n": {"type": "string", "description": "how many"}}}


def _chat(**more) -> dict:
    return {"model": "support-chat", "messages": [{"role": "user", "content": "hello"}], **more}


def _chat_messages() -> list[dict]:
    """Every role, with text and with parts; whatever an assistant may have said."""
    function = {"name": "pay", "arguments": '{"n": 1}'}
    call = {"id": "call_1", "type": "function", "index": 0, "function": function}
    parts = [{"type": kind, member: "hello"} for kind, member in openai_request.PARTS.items()]
    first = [{"role": role, "content": "hello", "name": "x"} for role in openai_request.CHANNELS]
    return [
        *first,
        *({"role": role, "content": parts} for role in openai_request.CHANNELS),
        {
            "role": "assistant",
            "content": None,
            "refusal": "no",
            "reasoning_content": "hm",
            "reasoning": "hm",
            "annotations": [{"type": "url_citation"}],
            "tool_calls": [call],
        },
        {"role": "assistant", "content": None, "function_call": function},
        {"role": "tool", "content": "done", "tool_call_id": "call_1"},
        {"role": "user", "content": _chat_unread()},
    ]


def _chat_unread() -> list[dict]:
    """Parts that nobody can look into."""
    return [
        {"type": "image_url", "image_url": {"url": "https://kb.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf"}},  # any member may be added to it
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]


def _chat_seeds() -> list[dict]:
    function = {"name": "pay", "description": "pays", "parameters": SCHEMA, "strict": True}
    tools = {"tools": [{"type": "function", "function": function}], "functions": [function]}
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    return [_chat(messages=[message], **tools) for message in _chat_messages()] + [_chat(**streamed)]


def _responses(**more) -> dict:
    return {"model": "support-chat", "input": "hello", **more}


def _responses_items() -> list[dict]:
    call = {"call_id": "c1", "name": "pay", "id": "i_1", "status": "completed"}
    parts = {kind: {"type": kind, member: "hello"} for kind, (member, _) in responses_items.PARTS.items()}
    texts = [parts["input_text"], parts["output_text"], parts["refusal"]]
    return [
        *({"type": "message", "role": role, "content": "hello"} for role in responses_items.ROLES),
        *({"type": "message", "role": role, "content": texts} for role in responses_items.ROLES),
        {"type": "function_call", "arguments": '{"n": 1}', **call},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "function_call_output", "call_id": "c1", "output": [parts["input_text"]]},
        {"type": "message", "role": "user", "content": _responses_unread()},
        {"type": "function_call_output", "call_id": "c1", "output": _responses_unread()},
        {"type": "custom_tool_call", "input": "ls", **call},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
        {"type": "reasoning", "summary": [parts["summary_text"]], "content": [parts["reasoning_text"]]},
    ]


def _responses_unread() -> list[dict]:
    return [
        {"type": "input_image", "detail": "low"},  # any member may be added to these
        {"type": "input_file", "filename": "a.pdf"},
        {"type": "input_image", "image_url": "https://kb.example/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://kb.example/a.pdf"},
    ]


def _responses_seeds() -> list[dict]:
    function = {"type": "function", "name": "pay", "description": "pays", "parameters": SCHEMA}
    custom = {"type": "custom", "name": "run", "description": "runs", "format": {"type": "text"}}
    space = {"type": "namespace", "name": "bank", "description": "a bank", "tools": [function]}
    streamed = {"stream": True, "stream_options": {"include_obfuscation": False}}
    tools = [function, custom, space]
    return [_responses(input=[item], tools=tools) for item in _responses_items()] + [_responses(**streamed)]


def _messages_text() -> dict:
    return {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}


def _messages_blocks() -> list[dict]:
    text = _messages_text()
    plain = {"type": "text", "media_type": "text/plain", "data": "a page"}
    document = {"type": "document", "title": "t", "context": "c", "source": plain}
    search = {"type": "search_result", "source": "https://kb.example", "title": "t", "content": [text]}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
    unread = [
        {"type": "base64", "media_type": "image/png", "data": "aGk="},
        {"type": "url", "url": "https://kb.example/a"},
        {"type": "file", "file_id": "file_1"},
    ]
    return [
        *({"type": kind, "source": source} for kind in ("image", "document") for source in unread),
        text,
        document,
        {**document, "source": {"type": "content", "content": [text]}},
        {**document, "source": {"type": "content", "content": "a page"}},
        search,
        {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": SIGNATURE},
        {"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"n": 1}},
        result,
        {**result, "content": [text, document, search]},
    ]


def _messages_seeds(*, counting: bool) -> list[dict]:
    tool = {"name": "pay", "description": "pays", "input_schema": SCHEMA}
    more = {} if counting else {"max_tokens": 100}
    said = {"user": "hello", "assistant": "hello", "system": "hello"}
    assert set(said) == set(anthropic_request.ROLES)
    base = {"model": MODELS["anthropic"], "tools": [tool], "system": "be brief", **more}
    contents = [{"role": role, "content": text} for role, text in said.items()]
    contents += [
        {"role": role, "content": [block]}
        for role, kinds in anthropic_blocks.OF_ROLES.items()
        for block in _messages_blocks()
        if block["type"] in kinds
    ]
    seeds = [{**base, "messages": [{"role": "user", "content": "hi"}, message]} for message in contents]
    seeds.append({**seeds[0], "system": [_messages_text()], "cache_control": {"type": "ephemeral"}})
    return seeds


SEEDS: dict[str, list[dict]] = {
    "/v1/chat/completions": _chat_seeds(),
    "/v1/responses": _responses_seeds(),
    "/v1/completions": [
        {"model": "support-chat", "prompt": "hello"},
        {"model": "support-chat", "prompt": ["hello", "you"]},
        {
            "model": "support-chat",
            "prompt": "hello",
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ],
    "/v1/embeddings": [
        {"model": "support-chat", "input": "hello"},
        {"model": "support-chat", "input": ["hello", "you"]},
    ],
    "/v1/messages": _messages_seeds(counting=False),
    "/v1/messages/count_tokens": _messages_seeds(counting=True),
}
