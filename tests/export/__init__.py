"""ONNX: made, inspected, run."""
