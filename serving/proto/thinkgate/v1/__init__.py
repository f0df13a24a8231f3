"""Generated stubs of the thinkgate API, version 1."""
