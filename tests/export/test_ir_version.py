"""The IR version of a file, that of its format: the lowest its opset allows, since runtimes refuse later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import onnx
import pytest

from tests.support.handmade import build
from tests.support.tiny_generator import LATENT_DIM, make
from zoo.generators.bundled import bundled_generators
from zoo.generators.files import FILES, Variant
from zoo_export.convert.to_onnx import OPSETS, to_onnx
from zoo_export.convert.variants import convert

if TYPE_CHECKING:
    from pathlib import Path

LOWEST = {18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
"""By opset, as ONNX's docs/Versioning.md lists the releases in which both came out."""


def test_every_opset_that_is_written_is_in_the_table() -> None:
    assert list(LOWEST) == list(OPSETS)


@pytest.mark.parametrize("variant", [name for name in get_args(Variant) if name != "fp32"])
@pytest.mark.parametrize("opset", OPSETS)
def test_a_variant_has_the_lowest(opset: int, variant: Variant) -> None:
    model = build()
    model.opset_import[0].version, model.ir_version = opset, 12
    converted = onnx.load_from_string(convert(variant, model.SerializeToString()))

    assert (converted.ir_version, converted.opset_import[0].version) == (LOWEST[opset], opset)


@pytest.mark.parametrize("opset", [18, 20, 23])
def test_what_torch_exports_has_the_lowest(opset: int) -> None:
    model = onnx.load_from_string(to_onnx(make(), LATENT_DIM, {}, opset=opset))

    assert (model.ir_version, model.opset_import[0].version) == (LOWEST[opset], opset)


@pytest.mark.parametrize(
    "path",
    [folder / FILES["fp16"] for folder in bundled_generators().values()],
    ids=lambda path: path.parts[-3],
)
def test_the_generators_that_come_with_the_package_have_the_lowest(path: Path) -> None:
    model = onnx.load(path)

    assert model.ir_version == LOWEST[model.opset_import[0].version]
