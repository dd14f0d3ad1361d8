"""What every component and recipe must hold, whoever brings it: a new plugin is tested by existing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from zoo.batch import CriticBatch, GeneratorBatch
from zoo.data.sampler import Sampler
from zoo.evaluation.calibration import calibrated
from zoo.evaluation.dry_run import dry_run
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan, make_plan
from zoo.plugins.registry import KINDS, validated
from zoo.recipes.recipe import parse_recipe, read_recipe
from zoo.recipes.tables import merged, write_toml
from zoo.training.trainer import Trainer
from zoo_export.convert.parity import check
from zoo_export.convert.to_onnx import to_onnx

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.components import Architecture, Augmentation, Features, Loss, Metric, Plan
    from zoo.recipes.optimizers import Optimizers

REGISTRY = load_registry()
RECIPES = sorted(REGISTRY.recipes())
COMPONENTS = [(kind, name) for kind in KINDS for name in REGISTRY.names(kind)]


def made(kind: str, name: str) -> Any:
    """Return a component with its defaults, or skip where it needs fields of its own."""
    component = REGISTRY.entry(kind, name).component
    if any(field.is_required() for field in component.model_fields.values()):
        pytest.skip(f"{name} has required fields")
    return component()


def plan_of(recipe: str) -> Plan:
    return load_plan(recipe)


def recipe_networks(recipe: str) -> tuple[Plan, nn.Module, nn.Module]:
    torch.manual_seed(0)
    plan = plan_of(recipe)
    return plan, plan.architecture.generator(), plan.architecture.critic()


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_field_says_what_it_is(kind: str, name: str) -> None:
    component = REGISTRY.entry(kind, name).component

    assert component.__doc__
    assert all(field.description for field in component.model_fields.values())


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_components_survive_json(kind: str, name: str) -> None:
    component = made(kind, name)
    fields = json.loads(json.dumps(component.model_dump(mode="json")))

    assert validated(type(component), fields, "here", name) == component


@pytest.mark.parametrize("name", REGISTRY.names("architecture"))
def test_architectures_make_images_and_scores(name: str) -> None:
    architecture: Architecture = made("architecture", name)
    images = architecture.generator().eval()(torch.randn(3, architecture.latent_dim))

    assert images.shape == (3, *architecture.image_shape)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert architecture.critic().eval()(images).shape == (3,)


@pytest.mark.parametrize("name", REGISTRY.names("architecture"))
def test_architectures_go_the_whole_way_to_a_generator(name: str) -> None:
    """Pictures of their own latents alone, in [-1, 1], and the same once they are written and loaded."""
    network = dry_run(replace(plan_of("camel-wgangp"), architecture=made("architecture", name)))

    assert not network.training


@pytest.mark.parametrize("name", REGISTRY.names("architecture"))
def test_saved_weights_come_back_bit_for_bit(name: str) -> None:
    architecture: Architecture = made("architecture", name)
    first, second = architecture.generator().eval(), architecture.generator().eval()
    second.load_state_dict(load(save(first.state_dict())))
    z = torch.randn(2, architecture.latent_dim)

    assert torch.equal(first(z), second(z))


@pytest.mark.parametrize("name", REGISTRY.names("loss"))
def test_losses_are_finite_scalars_with_gradients(name: str) -> None:
    loss: Loss = made("loss", name)
    architecture: Architecture = made("architecture", "dcgan")
    critic = architecture.critic()
    real, fake = torch.rand(2, 4, *architecture.image_shape) * 2 - 1
    if loss.has_critic_side():
        value = loss.critic(CriticBatch(real, fake, critic, together=True))
        assert value.shape == ()
        assert math.isfinite(value.item())
        value.backward()  # type: ignore[no-untyped-call]
        assert all(
            w.grad is not None and w.grad.isfinite().all()
            for n, w in critic.named_parameters()
            if "weight" in n
        )
    if loss.has_generator_side():
        images = fake.clone().requires_grad_()
        value = loss.generator(GeneratorBatch(images, critic, lambda: real))
        assert value.shape == ()
        value.backward()  # type: ignore[no-untyped-call]
        assert images.grad is not None
        assert images.grad.isfinite().all()
        assert images.grad.any()
    assert loss.has_critic_side() or loss.has_generator_side()


@pytest.mark.parametrize("name", REGISTRY.names("regularizer"))
def test_regularizers_reach_a_fixed_point(name: str) -> None:
    regularizer: Any = made("regularizer", name)
    critic = made("architecture", "dcgan").critic()
    regularizer.prepare(critic)
    regularizer.after_step(critic)
    once = [weight.detach().clone() for weight in critic.parameters()]
    regularizer.after_step(critic)

    assert all(torch.allclose(a, b) for a, b in zip(once, critic.parameters(), strict=True))


@pytest.mark.parametrize("name", REGISTRY.names("augmentation"))
def test_augmentations_keep_shape_and_let_gradients_through(name: str) -> None:
    augmentation: Augmentation = made("augmentation", name)
    images = (torch.rand(4, 3, 28, 28) * 2 - 1).requires_grad_()
    out = augmentation.augment(images)
    out.sum().backward()  # type: ignore[no-untyped-call]

    assert out.shape == images.shape
    assert images.grad is not None
    assert images.grad.any()


@pytest.mark.parametrize("name", REGISTRY.names("metric"))
def test_metrics_prefer_the_set_itself(name: str) -> None:
    metric: Metric = made("metric", name)
    generator = torch.Generator().manual_seed(0)
    if metric.extractor is None:
        real = torch.rand(64, 1, 28, 28, generator=generator) * 2 - 1
        itself, other = metric.measure(real, real), metric.measure(real, real * 0.1)
    else:
        real = torch.rand(64, 12, generator=generator)
        itself, other = metric.measure(real, real), metric.measure(real, real + 2)

    if metric.compares_with == "training":  # these very images again are copies
        itself, other = other, itself
    assert itself > other if metric.higher_is_better else itself < other
    assert metric.protocol((1, 28, 28))


@pytest.mark.parametrize("name", REGISTRY.names("metric"))
def test_metrics_that_see_features_take_the_name_of_any(name: str) -> None:
    metric: Metric = made("metric", name)
    if metric.extractor is None:
        pytest.skip("it sees images")
    assert metric.model_copy(update={"features": "other"}).extractor == "other"
    assert metric.extractor in REGISTRY.names("features")


@pytest.mark.parametrize("name", REGISTRY.names("features"))
def test_features_see_the_same_in_an_image_whatever_else_is_in_the_batch(name: str) -> None:
    if name == "inception":
        pytest.skip("its weights lie on GitHub")
    features: Features = made("features", name)
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = features.extract(images)
    alone = torch.cat([features.extract(images[index : index + 1]) for index in range(3)])

    assert whole.dtype == torch.float32
    assert whole.dim() == 2
    assert not whole.requires_grad
    assert torch.equal(features.extract(images), whole)
    torch.testing.assert_close(alone, whole, atol=1e-5, rtol=1e-5)
    assert (whole[0] - whole[1]).abs().max() > 1e-3
    assert features.protocol()


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_survive_being_resolved_and_written(recipe: str, tmp_path: Path) -> None:
    plan = plan_of(recipe)
    path = tmp_path / "recipe.toml"
    path.write_bytes(write_toml(plan.resolved()))
    again = make_plan(read_recipe(path), REGISTRY, recipe)

    assert dict(again.components()) == dict(plan.components())
    assert again.recipe.training == plan.recipe.training
    assert again.recipe.optimizers == plan.recipe.optimizers
    assert again.resolved() == plan.resolved()


@pytest.mark.parametrize("recipe", RECIPES)
def test_under_a_recipes_losses_every_weight_learns(recipe: str) -> None:
    plan, generator, critic = recipe_networks(recipe)
    together = not plan.architecture.critic_ties_batch
    real = torch.rand(4, *plan.architecture.image_shape) * 2 - 1
    with torch.no_grad():
        fake = generator(torch.randn(4, plan.architecture.latent_dim))
    batch = CriticBatch(real, fake, critic, together=together)
    total = sum(loss.weight * loss.critic(batch) for loss in plan.losses if loss.has_critic_side())
    torch.autograd.backward([torch.as_tensor(total)])
    images = generator(torch.randn(4, plan.architecture.latent_dim))
    side = GeneratorBatch(images, critic, lambda: real)
    total = sum(loss.weight * loss.generator(side) for loss in plan.losses if loss.has_generator_side())
    torch.autograd.backward([torch.as_tensor(total)])

    for network in (critic, generator):
        for name, weight in network.named_parameters():
            assert weight.grad is not None or "bias" in name, name
            if weight.grad is not None:
                assert weight.grad.isfinite().all(), name
                assert weight.grad.any() or "bias" in name, name


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_export_to_the_same_pictures(recipe: str) -> None:
    plan, generator, _ = recipe_networks(recipe)
    dim = plan.architecture.latent_dim
    network = calibrated(generator, dim, batch=16, batches=2)
    report = check(to_onnx(network, dim, {}), network, dim)

    assert max(row.max for row in report.batches) <= 1e-4


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_train_a_step(recipe: str) -> None:
    plan = plan_of(recipe)
    small = parse_recipe(merged(plan.resolved(), {"training": {"batch_size": 4, "critic_steps": 1}}), recipe)
    plan = make_plan(small, REGISTRY, recipe)
    pixels = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (8, *plan.architecture.image_shape), np.uint8)
    )
    step = Trainer(
        plan, Sampler(pixels, torch.arange(8), torch.device("cpu")), torch.device("cpu")
    ).train_step()

    assert step.number == 1
    assert all(math.isfinite(value.item()) for value in step.losses.values())


METHODS = {
    "gan": (["bce"], [], ("rmsprop", 8e-4, 4e-4), 1),
    "wgan": (["wasserstein"], ["weight-clipping"], ("rmsprop", 5e-5, 5e-5), 5),
    "wgangp": (["wasserstein", "gradient-penalty"], [], ("adam", 2e-4, 2e-4), 5),
}


@pytest.mark.parametrize("subject", ["camel", "horse", "face"])
@pytest.mark.parametrize("method", METHODS)
def test_the_nine_recipes_carry_the_notes_numbers(subject: str, method: str) -> None:
    plan = plan_of(f"{subject}-{method}")
    losses, regularizers, (name, critic_rate, generator_rate), critic_steps = METHODS[method]
    optimizers: Optimizers = plan.recipe.optimizers

    assert [loss.name for loss in plan.losses] == losses
    assert [regularizer.name for regularizer in plan.regularizers] == regularizers
    assert (optimizers.critic.name, optimizers.generator.name) == (name, name)
    assert (optimizers.critic.learning_rate, optimizers.generator.learning_rate) == (
        critic_rate,
        generator_rate,
    )
    assert plan.training.critic_steps == critic_steps
    assert plan.training.steps == 6000
    assert plan.training.batch_size == {"camel": 64, "horse": 128, "face": 64}[subject]
    assert plan.architecture.latent_dim == 100
    for component in (*plan.losses, *plan.regularizers):
        expected = {"gradient-penalty": ("weight", 10.0), "weight-clipping": ("limit", 0.01)}.get(
            component.name
        )
        assert expected is None or getattr(component, expected[0]) == expected[1]
