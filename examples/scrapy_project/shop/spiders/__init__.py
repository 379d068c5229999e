"""The project's spiders, one file each."""
