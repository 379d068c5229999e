"""Scrapy asks only for what changed: one line in settings.py, `ADDONS = {"notmodified.scrapy.Addon": 500}`.

request → `NotModifiedMiddleware.process_request` (plan) → Scrapy downloads → `process_response` (settle) →
`NotModifiedSpiderMiddleware` → callback → item pipelines → acknowledged. What a validator is, when a 304 may be
used and what may be stored is decided by `notmodified.Cache`; this package only carries requests and answers
between it and Scrapy.
"""

try:
    import scrapy as _scrapy  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "scrapy":
        raise
    message = "notmodified.scrapy needs Scrapy, which is not installed: pip install 'notmodified[scrapy]'"
    raise ModuleNotFoundError(message, name="scrapy") from error

from notmodified.scrapy.acknowledge import NotModifiedItemMiddleware, NotModifiedSpiderMiddleware
from notmodified.scrapy.addon import Addon
from notmodified.scrapy.middleware import NotModifiedMiddleware
from notmodified.scrapy.skip import skip_unchanged
from notmodified.scrapy.stale import StaleIfErrorMiddleware
from notmodified.scrapy.throttle import AutoThrottle
from notmodified.scrapy.values import SettingsError

__all__ = [
    "Addon",
    "AutoThrottle",
    "NotModifiedItemMiddleware",
    "NotModifiedMiddleware",
    "NotModifiedSpiderMiddleware",
    "SettingsError",
    "StaleIfErrorMiddleware",
    "skip_unchanged",
]
