//! The mail server that letters are handed to.

use std::{fmt, fs, path::PathBuf, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time;
use tokio_util::task::TaskTracker;

use super::{
    letter::{Letter, LetterError},
    refusal::{Refusal, RefusalKind},
};

/// Connections kept to the server at most.
const CONNECTIONS: u32 = 4;

/// How the connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS (RFC 3207), required: a server that does not offer it gets nothing. Port 587.
    Starttls,
    /// TLS from the first byte (RFC 8314). Port 465.
    Tls,
    /// Nothing: for a server on this machine. Port 25.
    None,
}

impl Security {
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// A text that no log shows.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"…\"" })
    }
}

/// The mail server, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailOptions {
    /// Its host name; empty: no mail is sent.
    pub server: String,
    /// Its port; 0: that of `security`.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// Name to sign in with; empty: without.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// A file with certificates (PEM) to trust besides the system's; empty: none.
    pub ca_file: PathBuf,
    /// Address of the sender.
    pub from: String,
    /// Name of the sender.
    pub from_name: String,
    /// How long one letter may take.
    #[serde(with = "crate::domain::duration")]
    pub timeout: Duration,
}

/// A mail server that cannot be used as configured.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The file with certificates.
    #[error("mail.ca_file: cannot read {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What TLS makes of it.
    #[error("mail: the connection cannot be set up")]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// Hands letters to the server, over few connections that it keeps.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
    /// Exchanges under way. A caller that stops waiting must not cut one off: the connection would go back to the pool in
    /// the middle of it, and the answers to one letter would be taken for those to the next.
    exchanges: TaskTracker,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer for the configured server; none if there is none.
    ///
    /// # Errors
    /// The file with certificates cannot be read, or TLS cannot be set up.
    pub fn new(options: &MailOptions) -> Result<Option<Self>, ServerError> {
        if options.server.is_empty() {
            return Ok(None);
        }
        let host = options
            .from
            .rsplit_once('@')
            .map_or("localhost", |(_, host)| host);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.server)
            .port(if options.port == 0 {
                options.security.port()
            } else {
                options.port
            })
            .tls(tls(options)?)
            .hello_name(ClientId::Domain(host.to_owned()))
            .timeout(Some(options.timeout))
            .pool_config(
                PoolConfig::new()
                    .max_size(CONNECTIONS)
                    .idle_timeout(Duration::from_secs(30)),
            );
        if !options.username.is_empty() {
            builder = builder.credentials(Credentials::new(
                options.username.clone(),
                options.password.0.clone(),
            ));
        }
        Ok(Some(Self {
            transport: builder.build(),
            timeout: options.timeout,
            exchanges: TaskTracker::new(),
        }))
    }

    /// Hands over one letter. Returned without error, the server has taken it.
    ///
    /// # Errors
    /// It was not taken, or the answer was lost: then it may have been taken all the same, and goes again as it is.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Refusal> {
        let message = letter.message().map_err(|error| unwritable(&error))?;
        let transport = self.transport.clone();
        let exchange = self
            .exchanges
            .spawn(async move { transport.send(message).await });
        match time::timeout(self.timeout, exchange).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(Refusal::of(&error)),
            Ok(Err(_)) => Err(Refusal::temporary("the exchange broke off")),
            Err(_) => Err(Refusal::temporary("the mail server took too long")),
        }
    }

    /// Asks the server whether it is there and lets us in.
    ///
    /// # Errors
    /// It is not, or does not.
    pub async fn probe(&self) -> Result<(), Refusal> {
        match time::timeout(self.timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Refusal::temporary("the mail server does not answer")),
            Ok(Err(error)) => Err(Refusal::of(&error)),
            Err(_) => Err(Refusal::temporary("the mail server took too long")),
        }
    }
}

fn unwritable(error: &LetterError) -> Refusal {
    Refusal {
        kind: RefusalKind::Letter,
        detail: error.to_string(),
    }
}

fn tls(options: &MailOptions) -> Result<Tls, ServerError> {
    if options.security == Security::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(options.server.clone());
    if !options.ca_file.as_os_str().is_empty() {
        let pem = fs::read(&options.ca_file).map_err(|source| ServerError::CaFile {
            path: options.ca_file.clone(),
            source,
        })?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    let parameters = parameters.build()?;
    Ok(match options.security {
        Security::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    })
}
