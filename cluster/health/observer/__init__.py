"""The observer measures the platform from outside: before, during and after a fault alike."""
