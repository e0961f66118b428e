"""Generated protobuf and gRPC stubs of the contract in this folder (made at build time)."""

# Grows by one with every change of the contract, comments apart; tests/test_contract.py holds it.
CONTRACT_REVISION = 2
