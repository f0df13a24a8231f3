"""The factory: turns outcome history into a bundle that the kernel in `serving.decision` accepts."""

import os

# Official onnxruntime wheels report to their maker from 1.29 on, and read this when they are loaded: so it is set
# here, before anything else can be imported (docs/adr/0059).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
