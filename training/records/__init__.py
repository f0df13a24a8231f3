"""Outcome records: rows are read from files, validated, and kept in a frame or written to quarantine."""
