"""Says whether an answer is right: one module a way of telling, each a function of the check and the answer."""
