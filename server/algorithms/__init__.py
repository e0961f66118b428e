"""What Train can train: one file an algorithm, all behind one interface, listed in registry.py."""
