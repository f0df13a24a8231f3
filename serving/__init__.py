"""The service: answers route-decision calls; translates protocols around the kernel in `serving.decision`."""
