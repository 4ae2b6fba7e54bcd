"""The run on an Apple M4 as one command (`edge m4`), step by step; a step that was interrupted goes on where the store left it.

checks         is this the Mac that counts, and fit to be measured on; refused in a line each
artifacts      everything that will be measured, here before anything is: built, or fetched from a shared store
cool_down      building heats: wait until the machine is cool and idle
suite          ``pytest -m m4 acceptance/`` in a process of its own
keep           the baseline, the reports, and what had been predicted beside what was measured
"""
