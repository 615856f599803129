"""The machine's own metrics, as the tab Monitoring shows them: by the part of the machine, along time."""

import re
from typing import ClassVar, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from runs.metrics.series import Axis
from runs.web.metric_groups import MACHINE, Metrics

# In the order in which a name is looked through: `gpu_0_memory_usage_megabytes` is about the GPU.
_PARTS: Final = ("gpu", "cpu", "disk", "network", "memory")
_TITLES: Final[dict[str, Promise]] = {
    "cpu": gettext_lazy("CPU"),
    "memory": gettext_lazy("Memory"),
    "gpu": gettext_lazy("GPU"),
    "disk": gettext_lazy("Disk"),
    "network": gettext_lazy("Network"),
    "other": gettext_lazy("Other"),
}
_SHOWN: Final = tuple(_TITLES)  # in the order of the page


class Monitoring(Metrics):
    """A page of the metrics `system/…` of a run, as MLflow's clients and importers name them. Its state is as of `Metrics`."""

    url_name: ClassVar[str] = "run-monitoring"
    usual_x: ClassVar[Axis] = "time"  # their steps count the looks at the machine, and mean nothing beside the script's
    example: ClassVar[str] = "*gpu*"

    def belongs(self, name: str) -> bool:
        return name.startswith(MACHINE)

    def group_of(self, name: str) -> str:
        words = set(re.split(r"[^a-z]+", name.lower()))
        return next((part for part in _PARTS if part in words), "other")

    def group_title(self, group: str) -> str:
        return str(_TITLES[group])

    def group_place(self, name: str) -> tuple[bool | int, str]:
        return (_SHOWN.index(self.group_of(name)), "")
