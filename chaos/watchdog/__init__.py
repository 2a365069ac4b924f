"""The watchdog, which heals every expired fault, even if all other processes are dead."""
