"""Generated messages and services of thinkgate's own gRPC API."""
