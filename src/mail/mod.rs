//! The only room that speaks SMTP: takes a finished letter, hands it to the mail server, tells what came of it.

mod letter;
mod refusal;
mod server;

pub use letter::{Letter, LetterError};
pub use refusal::{Refusal, RefusalKind};
pub use server::{MailOptions, Mailer, Secret, Security, ServerError};
