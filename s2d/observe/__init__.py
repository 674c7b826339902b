"""Observation of nodes: what a node takes, and how it stands, for whoever asks.

Whatever looks on changes nothing, and nobody waits for it.
"""
