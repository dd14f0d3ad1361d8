"""Running an ONNX file with onnxruntime alone."""
