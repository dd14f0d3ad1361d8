"""An ONNX model as bytes that are the same each time and that old runtimes read, and converters that print nothing."""

from __future__ import annotations

import contextlib
import logging
import warnings
from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def serialize(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a checked model with `metadata` as its only `metadata_props`, sorted by key.

    Its IR version, that of the file format, becomes the lowest that has its opset: a runtime refuses every file of a
    later IR than its own, whatever is in it.

    Raises:
        onnx.checker.ValidationError: it is no valid model.
        onnx.shape_inference.InferenceError: its declared shapes contradict each other.
    """
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


@contextlib.contextmanager
def no_logs_or_warnings() -> Iterator[None]:
    """Keep a library's log lines and warnings off the terminal while the block lasts."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
