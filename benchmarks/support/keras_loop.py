"""The same loop in the notes' own framework: Keras on TensorFlow, both steps compiled to graphs; needs both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
import torch
from keras import layers

from zoo.recipes.optimizers import Adam
from zoo_plugins.architectures.dcgan import BATCH_NORM_EPS
from zoo_plugins.losses.gradient_penalty import GradientPenalty
from zoo_plugins.regularizers.weight_clipping import WeightClipping

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Plan
    from zoo.recipes.optimizers import RmsProp
    from zoo_plugins.architectures.dcgan import Dcgan


class KerasLoop:
    """One of the systems of the notes."""

    def __init__(self, plan: Plan, pixels: Tensor) -> None:
        fields = cast("Dcgan", plan.architecture)
        tf.config.threading.set_intra_op_parallelism_threads(torch.get_num_threads())
        self.images = tf.constant(pixels.permute(0, 2, 3, 1).numpy().astype("float32") / 127.5 - 1)
        self.batch, self.dim = plan.training.batch_size, fields.latent_dim
        self.critic_steps = plan.training.critic_steps
        self.adversarial = any(loss.name == "bce" for loss in plan.losses)
        self.penalty = next((loss.weight for loss in plan.losses if isinstance(loss, GradientPenalty)), 0.0)
        self.clip = next((part.limit for part in plan.regularizers if isinstance(part, WeightClipping)), None)
        self.generator, self.critic = generator(fields), critic(fields)
        self.critic_optimizer = optimizer(plan.recipe.optimizers.critic)
        self.generator_optimizer = optimizer(plan.recipe.optimizers.generator)
        self.critic_optimizer.build(self.critic.trainable_variables)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self._critic_step = tf.function(self.critic_step)
        self._generator_step = tf.function(self.generator_step)

    def iteration(self) -> float:
        """Make the critic's steps and one generator step; return the generator's loss."""
        for _ in range(self.critic_steps):
            self._critic_step()
        return float(self._generator_step())

    def critic_step(self) -> None:
        """Make one step of the critic."""
        fake = self.generator(tf.random.normal((self.batch, self.dim)), training=True)
        real = tf.gather(self.images, tf.random.uniform((self.batch,), 0, len(self.images), tf.int32))
        weights = self.critic.trainable_variables
        with tf.GradientTape() as tape:
            real_scores, fake_scores = self.critic(real, training=True), self.critic(fake, training=True)
            if self.adversarial:
                loss = 0.5 * (entropy(real_scores, 1.0) + entropy(fake_scores, 0.0))
            else:
                loss = tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)
            if self.penalty:
                loss += self.penalty * self.gradient_penalty(real, fake)
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        if self.clip is not None:
            for weight in weights:
                weight.assign(tf.clip_by_value(weight.value, -self.clip, self.clip))

    def gradient_penalty(self, real: Any, fake: Any) -> Any:
        """Return how far the slopes between real and fake are from one."""
        mix = real + tf.random.uniform((self.batch, 1, 1, 1)) * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(mix)
            scores = self.critic(mix, training=True)
        slope = tf.reshape(tape.gradient(scores, mix), (self.batch, -1))
        return tf.reduce_mean((tf.norm(slope, axis=1) - 1) ** 2)

    def generator_step(self) -> Any:
        """Make one step of the generator and return its loss."""
        weights = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal((self.batch, self.dim)), training=True)
            scores = self.critic(fake, training=True)
            loss = entropy(scores, 1.0) if self.adversarial else -tf.reduce_mean(scores)
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)
        return loss


def entropy(scores: Any, label: float) -> Any:
    """Return the binary cross-entropy of logits against one label."""
    labels = tf.fill(tf.shape(scores), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, scores))


def generator(fields: Dcgan) -> Any:
    """Return the recipe's generator, as the notes write it."""
    normal = keras.initializers.RandomNormal(0.0, fields.weight_std)
    momentum = fields.generator_batch_norm_momentum
    stack: list[Any] = [layers.Input((fields.latent_dim,))]
    height, width, channels = fields.initial
    stack.append(layers.Dense(height * width * channels, kernel_initializer=normal))
    stack += normed(momentum, fields.generator_activation, fields.slope)
    stack.append(layers.Reshape(fields.initial))
    rows = zip(
        fields.generator_upsample,
        fields.generator_filters,
        fields.generator_kernels,
        fields.generator_strides,
        strict=True,
    )
    for layer, (up, filters, kernel, stride) in enumerate(rows):
        if up == 2:
            stack.append(layers.UpSampling2D())
            stack.append(layers.Conv2D(filters, kernel, padding="same", kernel_initializer=normal))
        else:
            stack.append(
                layers.Conv2DTranspose(filters, kernel, stride, padding="same", kernel_initializer=normal)
            )
        if layer < len(fields.generator_filters) - 1:
            stack += normed(momentum, fields.generator_activation, fields.slope)
    return keras.Sequential([*stack, layers.Activation("tanh")])


def critic(fields: Dcgan) -> Any:
    """Return the recipe's critic, as the notes write it."""
    normal = keras.initializers.RandomNormal(0.0, fields.weight_std)
    channels, height, width = fields.image_shape
    stack: list[Any] = [layers.Input((height, width, channels))]
    for filters, kernel, stride in zip(
        fields.critic_filters, fields.critic_kernels, fields.critic_strides, strict=True
    ):
        stack.append(layers.Conv2D(filters, kernel, stride, padding="same", kernel_initializer=normal))
        stack += normed(None, fields.critic_activation, fields.slope)
        if fields.critic_dropout:
            stack.append(layers.Dropout(fields.critic_dropout))
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(1, kernel_initializer=normal)])


def normed(momentum: float | None, activation: str, slope: float) -> list[Any]:
    """Return batch norm, where there is one, and the activation."""
    rectified = layers.ReLU() if activation == "relu" else layers.LeakyReLU(negative_slope=slope)
    if momentum is None:
        return [rectified]
    return [layers.BatchNormalization(momentum=momentum, epsilon=BATCH_NORM_EPS), rectified]


def optimizer(numbers: Adam | RmsProp) -> Any:
    """Return Keras's optimizer."""
    if isinstance(numbers, Adam):
        first, second = numbers.betas
        return keras.optimizers.Adam(numbers.learning_rate, first, second, numbers.eps)
    return keras.optimizers.RMSprop(numbers.learning_rate, numbers.rho, epsilon=numbers.eps)
