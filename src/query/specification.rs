//! The specification of the language as tables of tests.
