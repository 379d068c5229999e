"""Servers of node: Express with compression, and sirv, in one process. The program and its manifest are in `node`."""

from __future__ import annotations

from pathlib import Path

from servers.process import Server, executable

SOURCES = Path(__file__).parent / "node"
# Where scripts/ensure-servers.sh puts what package.json names.
INSTALLED = Path(__file__).parents[3] / ".build" / "node" / "node_modules"


class Node(Server):
    """Express below `/files`, `/coded`, `/pages`, `/token`, `/gone` and `/epoch`; sirv below `/sirv` and `/started`."""

    def command(self) -> list[str]:
        """See `Server`."""
        if not INSTALLED.is_dir():
            raise RuntimeError("Express and sirv are missing: `make setup` installs them")
        return [executable("node"), str(SOURCES / "site.js"), str(self.port)]

    def environment(self) -> dict[str, str]:
        """See `Server`."""
        return {"NODE_PATH": str(INSTALLED)}
