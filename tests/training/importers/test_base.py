"""Each importer of a tool's history on files in that tool's own layout: what is mapped, and what is refused."""

from __future__ import annotations
