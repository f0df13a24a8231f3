"""gRPC messages and services of thinkgate and Envoy, generated from the .proto files beside them by `make proto`."""
