//! permitwatch
