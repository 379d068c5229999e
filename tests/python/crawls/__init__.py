"""Real Scrapy crawls for the tests, in processes of their own: a reactor starts once in a process.

`crawl` and `crawl_together` use one Scrapy process that lives as long as the tests, so that a crawl costs milliseconds
and not the start of an interpreter. `crawl_apart` makes a process for it: for other reactors, and for crawls that die.
All of them run in the environment of the fixture `environment`, and so in one after the other.
"""

from crawls.environments import Environment
from crawls.processes import Crawled, crawl, crawl_apart, crawl_together, request

__all__ = ["Crawled", "Environment", "crawl", "crawl_apart", "crawl_together", "request"]
