"""The trained encoder as an ONNX network with weights of eight bits."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from evals.encoder import Encoder

OPSET = 18


def export(model: Encoder, path: Path) -> None:
    """Write the network to `path`. Quantised: products and the embedding of words, a scale a column."""
    exact = path.with_suffix(".exact.onnx")
    model.eval()
    rows, length = torch.export.Dim("rows", min=1, max=64), torch.export.Dim("length", min=2, max=512)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.randint(1000, 2000, (3, 17)),),
            exact,
            input_names=["pieces"],
            output_names=["logits"],
            dynamic_shapes={"pieces": {0: rows, 1: length}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    quantize_dynamic(
        exact,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"],
    )
    exact.unlink()
    network = onnx.load(path)
    network.doc_string = ""
    for node in [*network.graph.node]:  # traces of the exporter: places in files of ours
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(network)
    onnx.save(network, path)
