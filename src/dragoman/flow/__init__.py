"""Policies as generators: they yield effects and receive outcomes, so one text serves sync and async and no test sleeps.

No I/O, no clock, no chance: the driver that runs a flow performs its effects. Imports the core only.
"""
