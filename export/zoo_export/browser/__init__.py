"""The play page: a static folder in which onnxruntime-web runs a generator. Imports no torch."""
