"""interpres: the go-between that carries and translates messages between health systems."""

__version__ = "0.1.0"
