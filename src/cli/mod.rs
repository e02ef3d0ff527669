//! Takes arguments in and gives an exit code out; one file per command.
