"""The payment without any I/O: the state machine, the ledger, the circuit breaker."""
