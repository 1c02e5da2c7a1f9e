//! Who may do what, and how that is proven: roles and what they may, passwords, tokens, how fast one may guess.
//!
//! Pure: random bytes and instants are passed in, and what is stored is for `store`.

mod capability;
mod password;
pub mod throttle;
mod token;

pub use capability::Capability;
pub use password::{
    HashingFailed, MAX_BYTES, MIN_LENGTH, PasswordHash, Salt, WeakPassword, check_strength, hash,
    verify,
};
pub use token::{RandomBytes, Token, TokenHash};
