"""What the command line shows of a decision beyond its sum: the features that moved it, and cases like it.

Both are read from a folder beside the bundle, `OUT-explain/`, that training writes and the server never needs.
"""
