"""The only folder that knows grpc and the generated messages."""
