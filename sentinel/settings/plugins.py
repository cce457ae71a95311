"""Settings of the trigger that runs plugins of Nagios."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

__all__ = ["PluginSettings"]


class PluginSettings(BaseSettings):
    """Which programs rules may run."""

    plugin_folders: str = Field(
        default="/usr/lib/nagios/plugins, /usr/lib64/nagios/plugins, /usr/lib/monitoring-plugins",
        description=(
            "Folders whose programs the trigger `nagios_plugin` may run, separated by commas, on "
            "each host with a worker. A rule names the program; whoever may write rules may run "
            "what is in these folders, with any arguments, as the worker's user. Empty means none."
        ),
    )
