//! The product from the outside: each file is one story, told with real processes, repositories and databases.
