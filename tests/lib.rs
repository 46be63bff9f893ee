//! Scripted model server and sample projects for the end-to-end tests.
