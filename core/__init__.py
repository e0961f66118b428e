"""Numbers only: numpy in, numpy out. Knows no file, no network, no protobuf."""
