"""The factory: turns outcome history into a bundle that the kernel in `serving.decision` accepts."""
