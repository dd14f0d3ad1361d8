"""What only a GPU can show."""

from __future__ import annotations

import pytest
import torch

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="it needs an NVIDIA GPU")
