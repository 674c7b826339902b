"""How an RM speaks each control type: what it publishes, when it says it again, what an instruction asks for.

A control type knows messages and an abstract resource, which each of them states as a Protocol. It knows no device, no
register and no clock.
"""
