"""requests-cache, with its store in sqlite: one request after the other: eight threads cost the same."""

from __future__ import annotations

from requests_cache import CachedSession, SQLiteCache

from bench.contenders.rounds import Round, Stopwatch, Task, first_visit, rounds, tell_ready


def main() -> None:
    """Do what is asked, round by round."""
    task = Task.of_command_line()
    store = SQLiteCache(task.directory / "requests.db", wal=True, fast_save=True)
    with CachedSession(backend=store, cache_control=True) as session:
        session.trust_env = False

        def visit(told: Round) -> None:
            for url in told.urls:
                content = session.get(url).content
                if told.read:
                    told.check(url, content)

        visit(first_visit(task))
        tell_ready("sqlite, wal, fast_save, one request after the other", "requests-cache", "requests")
        for told in rounds(task):
            stopwatch = Stopwatch()
            visit(told)
            stopwatch.tell(wrong=told.wrong)


if __name__ == "__main__":
    main()
