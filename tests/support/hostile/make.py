"""Write every hostile file into a folder: `python -m tests.support.hostile.make FOLDER`.

Each comes with the exit code and the words with which it has to be refused.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.hostile.models import (
    attribute_outside,
    beside,
    chain,
    foreign,
    function,
    function_outside,
    generator,
    loop,
    outside,
    sparse,
    sparse_outside,
    subgraph_outside,
    talkative,
    training,
    within,
)
from tests.support.hostile.slow import enlarged, folding, pooling, repeated

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx import ModelProto

INPUT, RESOURCE = 3, 5
OUTSIDE = "it keeps weights in other files, which are never read"
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


class Hostile(NamedTuple):
    """A file to write, and how it has to be refused."""

    code: int
    says: str
    write: Callable[[Path], object]


def bytes_of(data: bytes | ModelProto) -> Callable[[Path], object]:
    """Return what writes these bytes."""
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())


def sparse_file(size: int) -> Callable[[Path], object]:
    """Return what writes a file of this size that takes no room on the disk."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return write


def field(number: int, payload: bytes) -> bytes:
    """Return one length-delimited field of protobuf."""
    head, length = number << 3 | 2, len(payload)
    varint = b""
    while length > 127:
        varint, length = varint + bytes([length & 127 | 128]), length >> 7
    return bytes([head]) + varint + bytes([length]) + payload


def deep() -> bytes:
    """Return graphs within attributes within nodes within graphs."""
    inner = b""
    for _ in range(40):
        inner = field(1, field(5, field(6, inner)))
    return field(7, inner)


OTHER_FILES = {
    "empty.onnx": Hostile(INPUT, "it is no ONNX file but an empty file", bytes_of(b"")),
    "page.onnx": Hostile(INPUT, "it is no ONNX file but an HTML page", bytes_of(b"<!DOCTYPE html><html>404</html>")),
    "lfs.onnx": Hostile(INPUT, "it is no ONNX file but a Git LFS pointer", bytes_of(LFS)),
    "pickle.onnx": Hostile(INPUT, "it is no ONNX file but a Python pickle", bytes_of(pickle.dumps([1, "os.system"]))),
    "torch.onnx": Hostile(
        INPUT, "a zip archive with a pickle, as torch.save writes", bytes_of(b"PK\3\4" + b"\0" * 26 + b"m/data.pkl")
    ),
    "ort.onnx": Hostile(INPUT, "it is no ONNX file but an ORT-format model", bytes_of(b"\x18\0\0\0ORTM" + b"\0" * 99)),
    "program.onnx": Hostile(INPUT, "it is no ONNX file but a program", bytes_of(b"\x7fELF" + b"\0" * 99)),
    "fifo.onnx": Hostile(INPUT, "it is no regular file", lambda path: os.mkfifo(path)),
    "zero.onnx": Hostile(INPUT, "it is no regular file", lambda path: path.symlink_to("/dev/zero")),
    "huge.onnx": Hostile(RESOURCE, "it has 3000000000000 bytes, more than 109051904", sparse_file(3 * 10**12)),
    "zeros.onnx": Hostile(INPUT, "it holds a field with the number 0", sparse_file(100 << 20)),
    "cut.onnx": Hostile(
        INPUT, "it is no whole ONNX file: it ends 34 bytes too early", bytes_of(generator().SerializeToString()[:-40])
    ),
    "junk.onnx": Hostile(INPUT, "it is no whole ONNX file: ", bytes_of(bytes(range(255, 1, -1)) * 40)),
    "fields.onnx": Hostile(RESOURCE, "it has more than 100000 fields", bytes_of(field(7, b"\x0a\0" * (20 << 20)))),
    "deep.onnx": Hostile(RESOURCE, "its messages are nested over 32 deep", bytes_of(deep())),
    "twice.onnx": Hostile(
        INPUT, "its model has the field graph twice", bytes_of(generator().SerializeToString() + field(7, b""))
    ),
    "unknown.onnx": Hostile(
        INPUT, "its model has a field 9, which ONNX does not define",
        bytes_of(generator().SerializeToString() + field(9, b"x")),
    ),
}  # fmt: skip


MODELS = {
    "outside.onnx": Hostile(INPUT, OUTSIDE, bytes_of(outside())),
    "outside-attribute.onnx": Hostile(INPUT, OUTSIDE, bytes_of(attribute_outside())),
    "outside-subgraph.onnx": Hostile(INPUT, OUTSIDE, bytes_of(subgraph_outside())),
    "outside-function.onnx": Hostile(INPUT, OUTSIDE, bytes_of(function_outside())),
    "outside-sparse.onnx": Hostile(INPUT, OUTSIDE, bytes_of(sparse_outside())),
    "sparse.onnx": Hostile(INPUT, "it holds sparse weights", bytes_of(sparse())),
    "function.onnx": Hostile(INPUT, "it brings functions or a training of its own", bytes_of(function())),
    "training.onnx": Hostile(INPUT, "it brings functions or a training of its own", bytes_of(training())),
    "loop.onnx": Hostile(INPUT, "its operator Loop has a graph inside", bytes_of(loop())),
    "foreign.onnx": Hostile(
        INPUT, "it needs the operator Gelu of com.microsoft, which ONNX does not define", bytes_of(foreign())
    ),
    "random.onnx": Hostile(INPUT, "it needs the operator RandomNormalLike", bytes_of(within("RandomNormalLike"))),
    "terminal.onnx": Hostile(INPUT, r"it needs the operator '\x1b[2Jgone', which", bytes_of(within("\x1b[2Jgone"))),
    "opset.onnx": Hostile(INPUT, "its opset is 99, not one from 13 to 23", bytes_of(generator(opset=99))),
    "inputs.onnx": Hostile(INPUT, "takes z float (batch, 4), y float (batch, 4)", bytes_of(generator(second=True))),
    "many.onnx": Hostile(RESOURCE, "it has 5002 operators, more than 4096", bytes_of(chain(5_000))),
    "constant.onnx": Hostile(
        RESOURCE, "one picture would take 4 TB of memory, more than 336 MB",
        bytes_of(beside("ConstantOfShape", ["n"], 10**6, 10**6)),
    ),
    "expand.onnx": Hostile(
        RESOURCE, "one picture would take 24 GB of memory", bytes_of(beside("Expand", ["x", "n"], 10**9, 1, 6))
    ),
    "tile.onnx": Hostile(
        RESOURCE, "one picture would take 24 GB of memory", bytes_of(beside("Tile", ["x", "n"], 1, 10**9))
    ),
    "pad.onnx": Hostile(
        RESOURCE, "one picture would take 4 TB of memory", bytes_of(beside("Pad", ["x", "n"], 0, 0, 0, 10**12))
    ),
    "unknown-size.onnx": Hostile(
        INPUT, "its operator Expand has sizes in its input 2 that are no numbers",
        bytes_of(beside("Expand", ["n", "z"])),
    ),
    "never-ends.onnx": Hostile(
        RESOURCE, "one picture would take up to 36 s, more than 5", bytes_of(chain(20, side=1500))
    ),
    "maximum.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(pooling(1500, "MaxPool"))),
    "average.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(pooling(700))),
    "thousands.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(repeated("Softplus", 4000, 150))),
    "sines.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(repeated("Sin", 3000, 300))),
    "cubic.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(enlarged(2200))),
    "folded.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(folding(9, 1200))),
    "softmax.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(repeated("Softmax", 3000, 300))),
    "errors.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(repeated("Erf", 4000, 600))),
    "small-average.onnx": Hostile(RESOURCE, "one picture would take up to ", bytes_of(pooling(1000, "AveragePool"))),
    "text.onnx": Hostile(RESOURCE, "bytes beside its weights, more than 8388608", bytes_of(talkative())),
    "copies.onnx": Hostile(RESOURCE, "one picture would take ", bytes_of(repeated("Relu", 10, 7000))),
    "promised.onnx": Hostile(
        INPUT, "its tensor w of shape (1000000, 1000000) has only 96 bytes of numbers",
        bytes_of(generator(promised=(10**6, 10**6))),
    ),
    "blocks.onnx": Hostile(INPUT, "its operator DepthToSpace has ", bytes_of(within("DepthToSpace", blocksize=0))),
}  # fmt: skip

CORPUS = {**OTHER_FILES, **MODELS}


def write(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, hostile in CORPUS.items():
        hostile.write(folder / name)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
