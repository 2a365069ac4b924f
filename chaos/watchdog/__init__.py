"""The watchdog: heals every fault whose time is up, whoever else is dead."""
