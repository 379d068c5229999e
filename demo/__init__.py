"""Polls and crawls a real site twice on loopback, and tells what it cost: `python demo`, or `make demo`."""
