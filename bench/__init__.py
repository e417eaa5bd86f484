"""Side-by-side measurements, each one command: `scripts/bench NAME` runs `bench/NAME.py`."""
