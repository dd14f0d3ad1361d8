"""What a process that runs onnxruntime and the one that started it send each other: a JSON header, then bytes.

A message is the header's length (4 bytes, big-endian), the header, and as many bytes as its field `bytes` says. Neither
side trusts the other with more than numbers and text: nothing is unpickled, and no more is read than is expected.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import BinaryIO

HEADER_LIMIT = 1 << 16
Header = dict[str, Any]


def send(stream: BinaryIO, header: Header, *parts: bytes | memoryview) -> None:
    """Write a message; raises OSError where the other side is gone."""
    text = json.dumps({**header, "bytes": sum(len(part) for part in parts)}).encode()
    stream.write(len(text).to_bytes(4, "big") + text)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, most: int) -> tuple[Header, bytearray]:
    """Read a message of at most `most` bytes behind its header.

    Raises:
        EOFError: the stream ends.
        ValueError: it is no message, or a longer one.
    """
    length = int.from_bytes(_exactly(stream, 4), "big")
    if length > HEADER_LIMIT:
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(_exactly(stream, length))
    count = header.get("bytes") if isinstance(header, dict) else None
    if not isinstance(count, int) or not 0 <= count <= most:
        raise ValueError(f"a message of {count} bytes, where {most} are the most")
    return header, _exactly(stream, count)


def _exactly(stream: BinaryIO, count: int) -> bytearray:
    data = bytearray(count)
    left = memoryview(data)
    while left:
        found = stream.readinto(left)  # type: ignore[attr-defined]  # which typing.BinaryIO lacks
        if not found:
            raise EOFError("the stream ended in the middle of a message")
        left = left[found:]
    return data
