"""Generated protobuf and gRPC stubs of the contract in this folder (made at build time)."""
