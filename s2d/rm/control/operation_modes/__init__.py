"""Control by operation modes: what FRBC, OMBC and DDBC have in common."""
