"""The `thinkgate` command: one module a subcommand; each parses its options, calls one function and prints."""
