"""The command `nanojunction`."""
