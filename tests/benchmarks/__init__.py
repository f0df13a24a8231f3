"""Measurements: run by `make bench` and `make bench-quality`, never by the tests."""
