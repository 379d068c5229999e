"""Real Scrapy crawls for the tests, in processes of their own: a reactor starts once in a process.

`crawl` and `crawl_together` use one Scrapy process that lives as long as the tests, so that a crawl costs milliseconds
and not the start of an interpreter. `crawl_apart` makes a process for it: for other reactors, and for crawls that die.
A `Project` is what Scrapy's commands are run in. All use the environment that the fixture `environment` gives.
"""

from crawls.environments import Environment
from crawls.processes import Crawled, crawl, crawl_apart, crawl_together, request
from crawls.projects import Project

__all__ = ["Crawled", "Environment", "Project", "crawl", "crawl_apart", "crawl_together", "request"]
