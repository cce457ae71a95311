"""The channels of vendors: each file is one type, found here without being named anywhere else.

The file's name is the word by which `sentinel channel add` and the API's providers know the type,
and `sentinel-` with that word is the slug of its block.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType

from blocks.http_channel import HttpChannel
from sentinel.prefect_client.channel_types import OURS, slug_of

__all__ = ["VENDORS", "registered"]


def registered(modules: Iterable[ModuleType]) -> Mapping[str, type[HttpChannel]]:
    """Return the channel types of modules, by their words.

    Args:
        modules: each defines one type

    Returns:
        The classes of their blocks.

    Raises:
        TypeError: a module defines none or several, its slug is not the one of its word, or it is
            another type's
    """
    found: dict[str, type[HttpChannel]] = {}
    slugs: dict[str, str] = dict.fromkeys(OURS, "blocks")
    for module in modules:
        word = module.__name__.rpartition(".")[2]
        own = [
            one for one in vars(module).values()
            if isinstance(one, type) and issubclass(one, HttpChannel)
            and one.__module__ == module.__name__
        ]  # fmt: skip
        if len(own) != 1:
            raise TypeError(f"{module.__name__} defines {len(own)} channels: it must define one")
        slug = own[0].get_block_type_slug()
        if slug in slugs:
            raise TypeError(f"{module.__name__} has the slug {slug} of {slugs[slug]}: rename it")
        if slug != slug_of(word):
            raise TypeError(f"{module.__name__} has the slug {slug}: write {slug_of(word)}")
        slugs[slug] = module.__name__
        found[word] = own[0]
    return found


VENDORS = registered(
    import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)
)
"""All types by their words."""
