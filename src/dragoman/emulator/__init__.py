"""Any provider on this machine: its wire from its dialect's server role, its words from a scenario, its speed and its faults on request.

The law: needs the core, the wire and the catalogue, nothing else of ours; a new dialect is emulated with no code here.
"""

from dragoman.emulator.answer import Answer, tool_call
from dragoman.emulator.emulator import Emulator
from dragoman.emulator.fault import Fault
from dragoman.emulator.log import Log, Record
from dragoman.emulator.scenario import Scenario, canned, echo, lorem, script
from dragoman.emulator.service import serve

__all__ = ["Answer", "Emulator", "Fault", "Log", "Record", "Scenario", "canned", "echo", "lorem", "script", "serve", "tool_call"]
