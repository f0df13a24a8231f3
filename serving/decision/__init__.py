"""The kernel: one request in, one routing decision out, with numpy, onnxruntime and tokenizers only."""
