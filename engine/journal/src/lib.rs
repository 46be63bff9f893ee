//! What did happen: the SQLite event log, its chain, blobs, leases and replay.
