"""Measurements: run by `make bench NAME=...`, never by the tests."""
