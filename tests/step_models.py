"""Writes small model files that take steps, with random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from onnx import TensorProto
from onnx.helper import (
    make_graph,
    make_model,
    make_node,
    make_opsetid,
    make_tensor_value_info,
    set_model_props,
)
from onnx.numpy_helper import from_array

from midigen.music.keys import SIZE
from midigen.prediction.line import COMING, FEATURES, ROWS
from midigen.prediction.onnx_predictor import FORMAT, VOCABULARY
from midigen.prediction.steps import GAPS, OCTAVES, SHARES
from midigen.prediction.window import Encoding

Heads: TypeAlias = Mapping[str, tuple[int, ...]]

HEADS: Heads = {
    "letters": (SIZE,),
    "octaves": (SIZE, len(OCTAVES)),
    "gaps": (len(GAPS),),
    "shares": (len(SHARES),),
}
"""The outputs of such a model, and the shape of each for a single note."""


def write_step_model(path: Path, heads: Heads = HEADS) -> Path:
    """Write such a model."""
    path.write_bytes(step_model(heads))
    return path


def step_model(heads: Heads = HEADS) -> bytes:
    """A model file: the mean of the rows, what comes next, and a product for each head."""
    rng = np.random.default_rng(0)
    nodes = [
        make_node("ReduceMean", ["rows"], ["heard"], axes=[1], keepdims=0),
        make_node("Concat", ["heard", "coming"], ["told"], axis=1),
    ]
    weights = []
    for name, shape in heads.items():
        source, width = ("heard", FEATURES) if name == "gaps" else ("told", FEATURES + COMING)
        matrix = rng.normal(0, 0.5, (width, int(np.prod(shape)))).astype(np.float32)
        weights.append(from_array(matrix, f"{name}_weights"))
        weights.append(from_array(np.array([-1, *shape], dtype=np.int64), f"{name}_shape"))
        nodes += [
            make_node("MatMul", [source, f"{name}_weights"], [f"{name}_flat"]),
            make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [f"{name}_logits"]),
            make_node("Softmax", [f"{name}_logits"], [name], axis=-1),
        ]
    graph = make_graph(
        nodes,
        "steps",
        [
            make_tensor_value_info("rows", TensorProto.FLOAT, ["batch", "steps", FEATURES]),
            make_tensor_value_info("coming", TensorProto.FLOAT, ["batch", COMING]),
        ],
        [
            make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
            for name, shape in heads.items()
        ],
        weights,
    )
    model = make_model(graph, opset_imports=[make_opsetid("", 17)], ir_version=8)
    properties = {
        "format": FORMAT,
        "vocabulary": VOCABULARY,
        "encoding": str(Encoding.STEPS),
        "min_notes": "1",
        "max_notes": str(ROWS),
    }
    set_model_props(model, {f"midigen.{name}": value for name, value in properties.items()})
    content: bytes = model.SerializeToString()
    return content
