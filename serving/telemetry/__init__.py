"""What the server counts, added up over all of its workers and shown to Prometheus as one."""
