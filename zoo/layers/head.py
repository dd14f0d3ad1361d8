"""From a critic's features to its score."""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Linear):
    """A linear layer from features to one score."""

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return scores (N,) for features (N, C, H, W), which the weights take in this order."""
        # In channels_last they lie in memory in another, in which nothing has to be copied.
        weight = self.weight.view(1, *features.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        flat = features.permute(0, 2, 3, 1).flatten(1)
        return nn.functional.linear(flat, weight, self.bias).squeeze(1)
