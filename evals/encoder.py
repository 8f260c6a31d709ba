"""The encoder: BERT's layers, mean pooling, one logit. Our own few lines, so that what is exported is plain."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, INNER, LAYERS, VOCABULARY, POSITIONS = 384, 12, 1536, 6, 30_522, 512


class Layer(nn.Module):
    """Attention and feed-forward, each followed by its normalisation (post-norm, as in BERT)."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        """(rows, length, width) to the same; `bias` is added to the attention scores."""
        rows, length, _ = states.shape

        def heads(values: Tensor) -> Tensor:
            return values.view(rows, length, HEADS, WIDTH // HEADS).transpose(1, 2)

        # Written out: the fused attention's backward pass is many times slower on a processor.
        scores = heads(self.query(states)) @ heads(self.key(states)).transpose(2, 3)
        shares = functional.softmax(scores * (WIDTH // HEADS) ** -0.5 + bias, dim=-1)
        mixed = (shares @ heads(self.value(states))).transpose(1, 2).reshape(rows, length, WIDTH)
        states = self.norm1(states + self.output(mixed))
        return self.norm2(states + self.down(functional.gelu(self.up(states))))


class Encoder(nn.Module):
    """Piece numbers (rows, length), 0 where there is none, to one logit a row."""

    def __init__(self, layers: int = LAYERS, dropout: float = 0.1) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH, 1)

    def freeze(self, layers: int) -> None:
        """Leave the embeddings and the first `layers` as they are."""
        for part in (self.words, self.positions, self.norm, *self.layers[:layers]):
            part.requires_grad_(requires_grad=False)

    def forward(self, pieces: Tensor) -> Tensor:
        """One logit a row."""
        there = (pieces != 0).float()
        states = self.words(pieces) + self.positions.weight[: pieces.shape[1]]
        states = self.norm(states)
        bias = ((there - 1.0) * 1e4)[:, None, None, :].to(states.dtype)
        for layer in self.layers:
            states = layer(states, bias)
        weight = there[:, :, None]
        pooled = (states * weight).sum(1) / weight.sum(1).clamp(min=1.0)
        logits: Tensor = self.head(self.dropout(pooled)).squeeze(-1)
        return logits


_NAMES = {
    "attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
    "attention.output.dense": "output", "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "norm2",
}  # fmt: skip


def pretrained(folder: Path, layers: int = LAYERS, dropout: float = 0.1) -> Encoder:
    """The encoder with a published BERT's weights; the kind of token is added to the positions, as it never changes."""
    weights = load_file(folder / "model.safetensors")
    weights = {name.removeprefix("bert."): value.float() for name, value in weights.items()}
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    state = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "positions.weight": weights["embeddings.position_embeddings.weight"] + kind,
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for number in range(layers):
        for theirs, ours in _NAMES.items():
            for part in ("weight", "bias"):
                state[f"layers.{number}.{ours}.{part}"] = weights[f"encoder.layer.{number}.{theirs}.{part}"]
    model = Encoder(layers, dropout)
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) != {"head.weight", "head.bias"}:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    nn.init.normal_(model.head.weight, std=0.02)
    nn.init.zeros_(model.head.bias)
    return model
