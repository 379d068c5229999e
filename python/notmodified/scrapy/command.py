"""`scrapy notmodified stats|list|forget`: looks into the store of a project without crawling, and forgets some of it.

options → the store's place, as a crawl finds it → `notmodified.Cache` → lines. Other processes may crawl meanwhile. No
crawler is made and no reactor started; a directory that is no store is said to be none, and left as it is. How lines
look is in `inventory`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import NotConfigured

import notmodified
from notmodified.scrapy import inventory
from notmodified.scrapy.settings import MEMORY, Config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ACTIONS = ("stats", "list", "forget")
# What a shell says of a program that was interrupted.
INTERRUPTED = 130


class CommandError(ValueError):
    """The command cannot be meant as it was given; the text says how it is."""


class NotModifiedCommand(ScrapyCommand):
    """The command, found by Scrapy through the entry point group `scrapy.commands`."""

    requires_project = False
    requires_crawler_process = False
    # Scrapy 2.13 makes a crawler process for every command, which logs and loads the spiders.
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False, "SPIDER_LOADER_WARN_ONLY": True}

    def syntax(self) -> str:
        """Tell what follows the command's name."""
        return (
            "stats [--host HOST] | list [URL-PREFIX | --host HOST]"
            " | forget URL... | forget --host HOST | forget --identity NAME | forget --proxy URL | forget --all"
        )

    def short_desc(self) -> str:
        """Tell what it is for, in Scrapy's list of commands."""
        return "Look into the store of notmodified, or forget some of it"

    def long_desc(self) -> str:
        """Tell what it is for, in its own help."""
        return (
            "Look into the store of notmodified, or forget some of it, without crawling. 'stats' tells how much is"
            " stored, in all and by host; 'list' what is stored, a line for each URL; 'forget' forgets it, with what"
            " spiders acknowledged. The store is that of the project's settings, unless --store names another."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add our options to Scrapy's."""
        super().add_options(parser)
        parser.add_argument("--store", metavar="DIRECTORY", help="the store; by default that of NOTMODIFIED_STORE")
        parser.add_argument(
            "--host",
            help="only this host (example.com), host and port (example.com:8080), or origin (https://example.com)",
        )
        parser.add_argument("--identity", metavar="NAME", help="forget what requests of this identity brought")
        parser.add_argument("--proxy", metavar="URL", help="forget what came by this proxy, user and password included")
        parser.add_argument("--all", action="store_true", help="forget everything")
        parser.add_argument("--json", action="store_true", help="write JSON, one object a line")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do it; what is wrong is one line, and an exit status: 2 where it was asked wrongly, 1 where it failed."""
        try:
            with _warnings_told():
                self._run(args, opts)
            sys.stdout.flush()
        except (BrokenPipeError, KeyboardInterrupt) as ended:
            # Enough was read. What is left in the buffer goes nowhere: at the exit it would be waited for.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.exitcode = INTERRUPTED if isinstance(ended, KeyboardInterrupt) else 0
        except (CommandError, notmodified.InvalidRequestError) as error:
            self._failed(error, 2)
        except (notmodified.NotModifiedError, NotConfigured, OSError) as error:
            self._failed(error, 1)

    def _failed(self, error: Exception, status: int) -> None:
        _tell(str(error))
        self.exitcode = status

    def _run(self, args: list[str], opts: argparse.Namespace) -> None:
        action, rest = _checked(args, opts)
        place, config = self._place(opts.store)
        with _opened(place, config) as cache:
            if action == "forget":
                _forget(cache, rest, opts)
                return
            entries = cache.entries(host=opts.host)
            if action == "stats":
                written = inventory.stats(entries, place, as_json=opts.json)
            else:
                written = inventory.listing(entries, _prefix(rest), as_json=opts.json)
            for line in written:
                print(line)  # noqa: T201, what a command is for
            if entries.unreadable:
                records = "1 record" if entries.unreadable == 1 else f"{entries.unreadable} records"
                _tell(f"{records} cannot be read (damaged, or of another version), left out")

    def _place(self, given: str | None) -> tuple[str, Config]:
        """Tell where the store lies, as a crawl of this project finds it, and its rules; or where the option says."""
        if given is not None:
            if given in ("", MEMORY):
                raise CommandError(f"--store {given!r} is no directory; give that of a store")
            return given, Config()
        assert self.settings is not None  # noqa: S101, Scrapy has set them
        settings = self.settings.copy()
        # Switched off, it has left a store all the same.
        settings.setdict({"NOTMODIFIED_ENABLED": True, "HTTPCACHE_ENABLED": False}, priority="cmdline")
        config = Config.from_settings(settings, spider="")
        if config.store == MEMORY:
            raise CommandError(
                f"NOTMODIFIED_STORE is {MEMORY!r}, which ends with its crawl; name a directory with --store"
            )
        return config.location(), config


def _checked(args: list[str], opts: argparse.Namespace) -> tuple[str, list[str]]:
    """Tell the action from what it is about."""
    unknown = [arg for arg in args if arg.startswith("-")]
    if unknown:
        raise CommandError(f"unknown option {unknown[0]}; see scrapy notmodified -h")
    if not args or args[0] not in ACTIONS:
        said = f"{args[0]!r} is nothing it can do" if args else "nothing is said to do"
        raise CommandError(f"{said}; say stats, list or forget (scrapy notmodified -h)")
    action, *rest = args
    # What was given is not said again: there can be a password in a URL.
    if opts.all and action != "forget":
        raise CommandError(f"--all is for forget; {action} is about everything by itself")
    if (opts.identity is not None or opts.proxy is not None) and action != "forget":
        raise CommandError(f"--identity and --proxy are for forget; {action} knows identities only as hashes")
    if action == "stats" and rest:
        raise CommandError("stats takes no URL; give --host HOST, or list URL-PREFIX")
    if action == "list" and len(rest) + (opts.host is not None) > 1:
        raise CommandError("list takes one URL-PREFIX, or --host HOST, or neither")
    named = [option is not None for option in (opts.host, opts.identity, opts.proxy)]
    if action == "forget" and bool(rest) + sum(named) + opts.all != 1:
        raise CommandError(
            "forget takes URLs, or --host HOST, --identity NAME, --proxy URL, or --all, and no two of them"
        )
    return action, rest


def _prefix(rest: list[str]) -> str:
    """Read a URL prefix; scheme and host in lower case, as they are stored."""
    if not rest:
        return ""
    scheme, mark, after = rest[0].partition("://")
    if not mark:
        raise CommandError("URL-PREFIX has no scheme; write it as http://example.com/some/path, or give --host HOST")
    authority, slash, path = after.partition("/")
    return f"{scheme.lower()}://{authority.rpartition('@')[2].lower()}{slash}{path}"


def _opened(place: str, config: Config) -> notmodified.Cache:
    # By the same rules and key, an identity is the same.
    try:
        return notmodified.Cache(
            place,
            identity_by=config.rule,
            rotating=config.rotating,
            identity_key=config.identity_key,
            create=False,
        )
    except notmodified.StoreError as error:
        raise notmodified.StoreError(f"{error} (--store DIRECTORY, or -s NOTMODIFIED_STORE=DIRECTORY)") from error


def _forget(cache: notmodified.Cache, urls: list[str], opts: argparse.Namespace) -> None:
    forgotten = cache.forget(
        url=urls or None, host=opts.host, identity=opts.identity, proxy=opts.proxy, everything=opts.all
    )
    print(inventory.forgotten(forgotten, as_json=opts.json))  # noqa: T201, what a command is for


@contextlib.contextmanager
def _warnings_told() -> Iterator[None]:
    """Write what the package warns of to standard error, whether Scrapy logs or not: that a store was set aside."""
    handler, logger = logging.StreamHandler(), logging.getLogger("notmodified")
    logger.addHandler(handler)
    does_propagate, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = does_propagate


def _tell(problem: str) -> None:
    sys.stderr.write(f"scrapy notmodified: {inventory.printable(problem)}\n")
