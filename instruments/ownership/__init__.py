"""Who owns a station: its lock, its heartbeat, its control channel and its watchdog."""
