"""The payload room: messages of JSON or text, where values stand in them, and how values are put into them.

Shared by all drivers of devices that send messages rather than registers.
"""
