"""The state of the world that decisions take in: what was spent, how the arms do, what a conversation had before."""
