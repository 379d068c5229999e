"""Real Scrapy crawls for the tests, in processes of their own: a reactor starts once in a process.

`crawl` and `crawl_together` use one Scrapy process that lives as long as the tests, so that a crawl costs milliseconds
and not the start of an interpreter. `crawl_apart` makes a process for it: for other reactors, and for crawls that die.
"""

from crawls.processes import Crawled, crawl, crawl_apart, crawl_together, request

__all__ = ["Crawled", "crawl", "crawl_apart", "crawl_together", "request"]
