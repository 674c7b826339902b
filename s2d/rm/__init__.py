"""The resource manager (RM): one resource as S2 sees it, in every control type. Pure."""
