"""The kind `ev_charger`: a charging station, and the cars that come to it."""
