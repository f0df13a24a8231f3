"""The service: answers route-decision calls; translates protocols around the kernel in `serving.decision`."""

import os

# The official onnxruntime wheel reports to its maker from 1.29 on, and reads this variable when it is loaded: so it is set
# here, before anything else can be imported (docs/adr/0059).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
