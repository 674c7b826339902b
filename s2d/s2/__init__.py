"""The S2 language: messages, the rules they keep to, and the conversation on one connection. Pure."""
