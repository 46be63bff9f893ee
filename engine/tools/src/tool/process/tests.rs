//! Processes end in time, whatever they do.
