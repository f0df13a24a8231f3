"""`thinkgate gateway`: hands over to the gateway of the serving half, which training does not import."""

from __future__ import annotations

import os
import sys

import typer

AS_TYPED = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""Context settings of the command: its options are parsed by the gateway itself."""


def gateway(_context: typer.Context) -> None:
    """Run Envoy and the server together: change `base_url` of your SDK, and each call gets its effort.

    `thinkgate gateway --upstream https://api.openai.com/v1 --arm gpt-5.1@none --arm gpt-5.1@high`
    """
    # As they were typed: the parser leaves out the `--` before the server's own options.
    arguments = sys.argv[sys.argv.index("gateway") + 1 :]
    # This process becomes the gateway, so that signals reach it and no parent waits beside it.
    command = [sys.executable, "-P", "-m", "serving.gateways.standalone.main", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 - our own program
