//! What callers can say and hear: commands, updates, ids, error codes.
