"""FACE: one plain sentence, and what this package exports."""
