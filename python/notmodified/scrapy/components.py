"""The components that a project's settings name, each by its class or the path of it.

A path may lead nowhere: a middleware that the project switched off (`None`) and that a later Scrapy no longer has, say.
Scrapy itself does not look where a component is off, and tells of those that are on; so none of that is an error here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.utils.misc import load_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.settings import BaseSettings


def class_at(path: Any) -> type | None:  # noqa: ANN401, a class, or the path of one
    """Give the class that is meant; None where it is something else, or cannot be loaded."""
    try:
        found: object = load_object(path)
    except Exception:  # noqa: BLE001, importing it runs code of others
        return None
    return found if isinstance(found, type) else None


def orders(named: Mapping[Any, int | None], component: type) -> list[int | None]:
    """List the orders that settings give to a component, or to one made of it; None: off."""
    return [order for path, order in named.items() if (kind := class_at(path)) and issubclass(kind, component)]


def add_to(settings: BaseSettings, setting: str, component: type, order: int) -> None:
    """Name a component in the settings, unless the project does so itself."""
    # As Scrapy's `setdefault_in_component_priority_dict`, which loads every path, and fails on those that lead
    # nowhere.
    named = settings.getdict(setting)
    if not orders(named, component):
        settings.set(setting, {**named, component: order}, settings.getpriority(setting) or 0)
