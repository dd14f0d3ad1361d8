"""From a generator folder to one checked ONNX file, and from that file to pictures."""
