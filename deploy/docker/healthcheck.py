"""Ends with 0 where the server in this container wants requests; it knows the port and TLS from the same variables."""

import os
import ssl
import sys
import urllib.error
import urllib.request

port = os.environ.get("THINKGATE_HTTP_PORT") or "8080"
scheme = "https" if os.environ.get("THINKGATE_TLS_CERT") else "http"
context = ssl.create_default_context()
# It calls itself: the certificate is for the name that others use.
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/readyz", timeout=2, context=context) as answer:  # noqa: S310
        sys.exit(answer.status != 200)
except (urllib.error.URLError, OSError) as error:
    sys.exit(f"not ready: {type(error).__name__}")
