//! Do it in the world: workspaces, the hands, files, search, exec, git.
