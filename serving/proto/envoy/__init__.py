"""Generated stubs of the messages of Envoy's external processor that thinkgate reads or sets (ADR 0003)."""
