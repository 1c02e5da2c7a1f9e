//! Running it for real: several processes on one PostgreSQL, their ends, faults of what they stand on, upgrades.

mod chaos;
mod fleet;
mod machine;
mod packaging;
mod proxy;
mod publisher;
mod recipes;
mod retention;
mod traces;
mod upgrade;
