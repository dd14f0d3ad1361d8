"""A loopback server that speaks enough of the Hugging Face Hub's protocol for the real client."""
