"""What an ONNX file from a stranger would do, found out without running it."""
