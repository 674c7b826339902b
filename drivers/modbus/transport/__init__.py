"""Requests on their way: bytes, frames, the connection and its owner, and which units answer."""
