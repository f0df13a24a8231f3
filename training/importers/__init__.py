"""Brings histories of other tools into outcome records: one module a format, and every row told where it went."""
