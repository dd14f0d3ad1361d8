"""From a torch network to an ONNX file that is checked against it."""
