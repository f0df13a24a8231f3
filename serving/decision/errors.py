"""Exception hierarchy of the decision kernel; every message names the cure.

::

    ThinkgateError
    ├── BadInput              invalid input from the caller (HTTP 4xx, exit code 2)
    │   ├── BadRequest        a decision request
    │   ├── BadArms           arms.toml
    │   ├── BadPolicy         policy.toml
    │   ├── BadCapabilities   capabilities.toml
    │   └── Unpriced          an arm has no price
    └── BundleRefused         a bundle may not be served
        ├── BundleMissing     a file is missing
        ├── BundleCorrupt     a hash or the content does not match the manifest
        ├── BundleTooNew      written for a newer server
        └── BundleUnproven    the golden vectors are not reproduced
"""

from __future__ import annotations


class ThinkgateError(Exception):
    """Root of all errors that thinkgate raises on purpose."""


class BadInput(ThinkgateError):
    """Invalid input from the caller; the message says what to change."""


class BadRequest(BadInput):
    """An invalid decision request."""


class BadArms(BadInput):
    """An invalid `arms.toml`."""


class BadPolicy(BadInput):
    """An invalid `policy.toml`; the live policy stays in force."""


class BadCapabilities(BadInput):
    """An invalid `capabilities.toml`; what was in force stays so."""


class Unpriced(BadInput):
    """An arm has neither a price of its own nor one in the price book."""


class BundleRefused(ThinkgateError):
    """A bundle that may not be served."""


class BundleMissing(BundleRefused):
    """A file of the bundle is missing."""


class BundleCorrupt(BundleRefused):
    """A hash or the content does not match the manifest."""


class BundleTooNew(BundleRefused):
    """The bundle was written for a newer server."""


class BundleUnproven(BundleRefused):
    """The golden vectors are not reproduced."""
