"""Runs a prompt file through every arm at an endpoint, grades the answers, and writes outcome records."""
