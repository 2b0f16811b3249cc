"""values: how texts are read as times, numbers, units and patterns; what transforms and formulas stand on."""
