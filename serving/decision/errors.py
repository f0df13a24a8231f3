"""Every error the kernel raises on purpose: one tree, and each message names its cure.

::

    ThinkgateError
    ├── BadInput              what the caller sent can't be used (HTTP 4xx, exit code 2)
    │   ├── BadRequest        a decision request
    │   └── BadArms           arms.toml
    │   └── BadPolicy         policy.toml
    ├── Unpriced              an arm has no price
    └── BundleRefused         a bundle may not be served
        ├── BundleMissing     a file is not there
        ├── BundleCorrupt     a hash or the content does not match the manifest
        ├── BundleTooNew      written for a newer server
        └── BundleUnproven    the golden vectors do not come out
"""

from __future__ import annotations


class ThinkgateError(Exception):
    """Root of all errors that thinkgate raises on purpose."""


class BadInput(ThinkgateError):
    """The caller sent something that can't be used; the message says what to change."""


class BadRequest(BadInput):
    """A decision request that can't be read."""


class BadArms(BadInput):
    """An `arms.toml` that can't be used."""


class BadPolicy(BadInput):
    """A `policy.toml` that can't be used; the policy that was live stays live."""


class Unpriced(BadInput):
    """An arm has neither a price of its own nor one in the price book."""


class BundleRefused(ThinkgateError):
    """A bundle that may not be served."""


class BundleMissing(BundleRefused):
    """A file of the bundle is not there."""


class BundleCorrupt(BundleRefused):
    """A hash or the content does not match the manifest."""


class BundleTooNew(BundleRefused):
    """The bundle was written for a newer server."""


class BundleUnproven(BundleRefused):
    """The golden vectors do not come out as the manifest promises."""
