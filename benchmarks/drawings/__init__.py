"""The network behind the features `drawings`."""
