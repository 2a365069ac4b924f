// The time without data after which a connection counts as broken: SILENT_AFTER of
// cluster/health/progress.py, to which tests/portfolio/test_silence.py holds it.

export const SILENCE = 8000; // milliseconds
