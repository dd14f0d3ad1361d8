"""From a torch network to an ONNX file that is shown to equal it."""
