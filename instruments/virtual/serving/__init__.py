"""The virtual instruments on loopback sockets and serial ports, or without any port."""
