"""Damage, from a flipped bit to a well-formed file that means something else. The same seed gives the same bytes."""

from __future__ import annotations

import json
import struct
import tomllib
from typing import TYPE_CHECKING, Any

import tomli_w

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    Mutation = Callable[[bytes, random.Random], bytes]

NUMBERS = (0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**32, 2**63 - 1, -(2**63), 2**64, 10**30, 10**39)
ODD: tuple[Any, ...] = (
    None, True, False, *NUMBERS, 0.5, -0.0, 1e308, 5e-324, "", " ", "1", "nan", "../../x", "\x1b[2J", "\u202e", "a\nb",
    "x" * 5000, [], {}, [[]], [None], {"": {}}, [1, "a"], {"name": "dcgan"},
)  # fmt: skip
RAW = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 5000,
    "[" * 2000,
    '"\\ud800"',
    '{"a":1,"a":2}',
    "00",
    "'x'",
)
"""What no JSON writer writes."""
MARKER = "a marker that is put in and then replaced"


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with one to four places changed."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_DAMAGES)(out, chance)
    return bytes(out)


def _flip(out: bytearray, chance: random.Random) -> None:
    if out:
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)


def _set(out: bytearray, chance: random.Random) -> None:
    if out:
        out[chance.randrange(len(out))] = chance.choice(
            (0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x5B, 0x7B, 0x0A, 0x1B)
        )


def _cut(out: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(out) + 1)
    del out[start : start + chance.choice((1, 2, 8, 64, len(out)))]


def _double(out: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(out) + 1)
    piece = out[start : start + chance.choice((1, 4, 32, 256))]
    out[start:start] = piece * chance.choice((1, 2, 50))


def _insert(out: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(out) + 1)
    out[start:start] = chance.choice(
        (
            chance.randbytes(chance.choice((1, 4, 64))),
            b"\xef\xbb\xbf",
            b"\0",
            b"\xff\xfe",
            b"[" * 300,
            b"\r\n",
        )
    )


def _number(out: bytearray, chance: random.Random) -> None:
    value = chance.choice(NUMBERS) % 2**64
    form = chance.choice(("<Q", "<I", "<H"))
    size = struct.calcsize(form)
    start = chance.randrange(max(len(out) - size, 1))
    out[start : start + size] = struct.pack(form, value % (1 << (8 * size)))


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _set,
    _cut,
    _double,
    _insert,
    _number,
)


def json_mutation(data: bytes, chance: random.Random) -> bytes:
    """Return JSON in which a value, a key or a table is another, or bytes that are damaged."""
    if chance.random() < 0.25:
        return damaged(data, chance)
    value = json.loads(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = changed(value, chance)
    text = json.dumps(value)
    if chance.random() < 0.15:
        text = json.dumps(changed(value, chance, put=MARKER)).replace(json.dumps(MARKER), chance.choice(RAW))
    return text.encode()


def toml_mutation(data: bytes, chance: random.Random) -> bytes:
    """Return TOML in which a value, a key or a table is another, or bytes that are damaged."""
    if chance.random() < 0.4:
        return damaged(data, chance)
    value = tomllib.loads(data.decode())
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = changed(value, chance)
    try:
        return tomli_w.dumps(value).encode() if isinstance(value, dict) else damaged(data, chance)
    except (TypeError, ValueError):  # TOML has no null
        return damaged(data, chance)


def changed(value: Any, chance: random.Random, put: Any = None) -> Any:
    """Return a nested value with one place in it changed."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        if put is None and chance.random() < 0.15:
            return _other_keys(value, key, chance)
        return {**value, key: changed(value[key], chance, put)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        if put is None and chance.random() < 0.2:
            return value[:place] + value[place + 1 :] if chance.random() < 0.5 else [*value, value[place]]
        return [changed(one, chance, put) if index == place else one for index, one in enumerate(value)]
    return chance.choice(ODD) if put is None else put


def _other_keys(value: dict[str, Any], key: str, chance: random.Random) -> dict[str, Any]:
    rest = {name: one for name, one in value.items() if name != key}
    return chance.choice((rest, {**rest, f"{key}x": value[key]}, {**value, "auto_map": 1}, {**value, "": 1}))


def safetensors_mutation(data: bytes, chance: random.Random) -> bytes:
    """Return a safetensors file with another header, or damaged anywhere."""
    if chance.random() < 0.3:
        return damaged(data, chance)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    name = chance.choice([name for name in header if name != "__metadata__"])
    _change_tensor(header, name, chance)
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + data[8 + size :]


def _change_tensor(header: dict[str, Any], name: str, chance: random.Random) -> None:
    tensor = header[name]
    what = chance.randrange(7)
    if what == 0:
        del header[name]
    elif what == 1:
        header[f"{name}x"] = header.pop(name)
    elif what == 2:
        tensor["dtype"] = chance.choice(
            ("F64", "I64", "I32", "F16", "BF16", "U8", "BOOL", "F8_E4M3", "I3", "")
        )
    elif what == 3:
        tensor["shape"] = chance.choice(
            (tensor["shape"][::-1], [*tensor["shape"], 1], [], [-1], [2**63], [0], ["1"])
        )
    elif what == 4:
        other = chance.choice(list(header))
        header[name], header[other] = header[other], header[name]
    elif what == 5:
        tensor["data_offsets"] = [chance.choice(NUMBERS), chance.choice(NUMBERS)]
    else:
        header[name] = changed(tensor, chance)


def text_mutation(words: Sequence[str]) -> Mutation:
    """Return a mutation of text: damage, or words put in where a line begins or anywhere."""

    def mutate(data: bytes, chance: random.Random) -> bytes:
        if chance.random() < 0.4:
            return damaged(data, chance)
        lines = data.decode(errors="replace").split("\n")
        for _ in range(chance.choice((1, 2, 5))):
            place = chance.randrange(len(lines))
            word = chance.choice(words)
            what = chance.randrange(4)
            if what == 0:
                lines.insert(place, word)
            elif what == 1:
                lines[place] = word
            elif what == 2:
                middle = chance.randrange(len(lines[place]) + 1)
                lines[place] = lines[place][:middle] + word + lines[place][middle:]
            else:
                lines[place], lines[0] = lines[0], lines[place]
        return "\n".join(lines).encode()

    return mutate
