# Thin names for ./dev, which does the work.
.PHONY: demo test lint build
demo test lint build:
	./dev $@
