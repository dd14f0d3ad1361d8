"""Checks of an ONNX file from a stranger, made without running it."""
