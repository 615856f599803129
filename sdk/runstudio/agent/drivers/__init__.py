"""The drivers, by name. A new kind of place is one module beside `local` and one line here."""

from __future__ import annotations

from runstudio.agent.drivers.base import Driver
from runstudio.agent.drivers.local import LocalDriver

DRIVERS: dict[str, type[Driver]] = {
    LocalDriver.name: LocalDriver,
}
