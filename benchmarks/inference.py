"""How fast pictures are made from one generator, several ways in turns, and what int8 and fp16 give.

python -m benchmarks.inference [--batches 1 2 7 64 256] [--rounds 5] [--threads N] [RECIPE ...]
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import logging
import warnings
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from benchmarks.support.machine import machine
from benchmarks.support.networks import architecture, generator
from benchmarks.support.plain_networks import Generator
from zoo.generators.latents import latents
from zoo_export.convert.timing import median_seconds
from zoo_export.convert.to_onnx import to_onnx
from zoo_export.convert.variants import convert
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from zoo_plugins.architectures.dcgan import Dcgan

RECIPES = ("camel-gan", "horse-wgan", "face-wgangp")
BATCHES = (1, 2, 7, 64, 256)
WAYS = ("ours", "fp16", "int8", "plain export", "torch eager", "torch channels_last", "the zoo in torch")
"""`torch eager` and `channels_last` are torch's own modules; the zoo's compute upsampling and convolution in one."""


def plain_export(network: nn.Module, dim: int) -> bytes:
    """Return what `torch.onnx.export` gives when nothing is done about it."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.zeros(2, dim),),
            dynamo=True,
            input_names=["z"],
            output_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    logging.disable(logging.NOTSET)
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data


def plainly(network: nn.Module, fields: Dcgan) -> nn.Module:
    """Return the same generator in torch's own modules."""
    plain = Generator(fields).eval()
    with torch.no_grad():
        for mine, theirs in zip(plain.state_dict().values(), network.state_dict().values(), strict=True):
            mine.copy_(theirs)
        z = torch.randn(2, fields.latent_dim)
        torch.testing.assert_close(plain(z), network(z), rtol=0, atol=1e-4)
    return plain


def ways(network: nn.Module, fields: Dcgan, threads: int) -> dict[str, Callable[[torch.Tensor], object]]:
    """Return each way from latents to pictures, and print the sizes and int8's noise."""
    dim = fields.latent_dim
    ours = to_onnx(network, dim, {})
    models = {"ours": ours, "fp16": convert("fp16", ours), "int8": convert("int8", ours)}
    models["plain export"] = plain_export(network, dim)
    files = {name: OnnxGenerator.from_bytes(model, name, threads=threads) for name, model in models.items()}
    z = latents(0, 256, dim)
    error = np.square(files["int8"].generate(z) - files["ours"].generate(z), dtype=np.float64).mean()
    sizes = ", ".join(f"{name} {len(model) / 1e6:.2f} MB" for name, model in models.items())
    print(f"\n{sizes}; int8 has a PSNR of {10 * np.log10(4 / error):.1f} dB against float32\n")
    found: dict[str, Callable[[torch.Tensor], object]] = {
        name: partial(through, file) for name, file in files.items()
    }
    plain = plainly(network, fields)
    found["torch eager"] = partial(eager, plain)
    found["the zoo in torch"] = partial(eager, network)
    last = copy.deepcopy(plain)
    for weight in last.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    found["torch channels_last"] = partial(eager, last)
    return found


def through(file: OnnxGenerator, z: torch.Tensor) -> object:
    """Return onnxruntime's pictures."""
    return file.generate(z.numpy())


def eager(network: nn.Module, z: torch.Tensor) -> object:
    """Return torch's pictures."""
    with torch.inference_mode():
        return network(z)


def main() -> None:
    """Print a table for each recipe: milliseconds, medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for recipe in arguments.recipes:
        network, fields = generator(recipe), cast("Dcgan", architecture(recipe))
        print(f"\n### {recipe}")
        contenders = ways(network, fields, arguments.threads)
        print(f"| batch | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
        for batch in arguments.batches:
            z = torch.from_numpy(latents(0, batch, fields.latent_dim))
            runs = {name: partial(way, z) for name, way in contenders.items()}
            seconds = median_seconds(runs, rounds=arguments.rounds, budget=float("inf"))
            print(f"| {batch} | {' | '.join(f'{1000 * seconds[name]:.1f}' for name in WAYS)} |", flush=True)
    print(f"\nmilliseconds, medians of {arguments.rounds}; {machine()}")


if __name__ == "__main__":
    main()
