//! The mail server that letters are handed to.

use std::{
    fmt, fs,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{
    self,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters},
    extension::ClientId,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::{self, Instant};

use super::{
    letter::{Letter, LetterError},
    refusal::{Refusal, RefusalKind},
};

/// Connections kept to the server at most.
const CONNECTIONS: usize = 4;

/// How long they are kept.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// How long the server has to say goodbye.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

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
    /// A password that would go out for everybody on the way to read.
    #[error(
        "mail.security is \"none\", and the password of mail.username would go to {server} readable; set mail.security to \
         \"starttls\" or \"tls\", or leave mail.username empty"
    )]
    Readable {
        /// The server.
        server: String,
    },
    /// What TLS makes of it.
    #[error("mail: the connection cannot be set up")]
    Tls(#[from] smtp::Error),
}

/// Hands letters to the server, over connections that it keeps for a while.
///
/// lettre's own pool is not used: it waits for an answer without end, and takes back a connection that was given up in the
/// middle of a letter. Here such a connection is closed.
#[derive(Clone)]
pub struct Mailer(Arc<Way>);

/// The way to the server.
struct Way {
    server: (String, u16),
    tls: Tls,
    hello: ClientId,
    credentials: Option<Credentials>,
    timeout: Duration,
    /// Connections between two letters, and since when.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
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
    /// The file with certificates cannot be read, TLS cannot be set up, or a password would leave this machine readable.
    pub fn new(options: &MailOptions) -> Result<Option<Self>, ServerError> {
        if options.server.is_empty() {
            return Ok(None);
        }
        if options.security == Security::None
            && !options.username.is_empty()
            && !is_this_machine(&options.server)
        {
            return Err(ServerError::Readable {
                server: options.server.clone(),
            });
        }
        let host = options
            .from
            .rsplit_once('@')
            .map_or("localhost", |(_, host)| host);
        let port = match options.port {
            0 => options.security.port(),
            port => port,
        };
        Ok(Some(Self(Arc::new(Way {
            server: (options.server.clone(), port),
            tls: tls(options)?,
            hello: ClientId::Domain(host.to_owned()),
            credentials: (!options.username.is_empty())
                .then(|| Credentials::new(options.username.clone(), options.password.0.clone())),
            timeout: options.timeout,
            idle: Mutex::default(),
        }))))
    }

    /// Hands over one letter. Returned without error, the server has taken it. Whoever stops waiting closes the connection.
    ///
    /// # Errors
    /// It was not taken, or the answer was lost: then it may have been taken all the same, and goes again as it is.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Refusal> {
        let message = letter.message().map_err(|error| unwritable(&error))?;
        let exchange = async {
            let mut connection = self.0.connection().await?;
            connection
                .send(message.envelope(), &message.formatted())
                .await?;
            self.0.keep(connection);
            Ok(())
        };
        self.0.in_time(exchange).await
    }

    /// Asks the server whether it is there and lets us in.
    ///
    /// # Errors
    /// It is not, or does not.
    pub async fn probe(&self) -> Result<(), Refusal> {
        let exchange = async {
            let mut connection = self.0.connection().await?;
            connection.quit().await.map(|_| ())
        };
        self.0.in_time(exchange).await
    }

    /// Takes leave of the server on connections that nobody has used for a while.
    pub async fn close_idle(&self) {
        for mut connection in self.0.long_idle() {
            // One that does not answer is closed all the same.
            let _ = time::timeout(LEAVE_WITHIN, connection.quit()).await;
        }
    }
}

impl Way {
    async fn in_time(
        &self,
        exchange: impl Future<Output = Result<(), smtp::Error>>,
    ) -> Result<(), Refusal> {
        match time::timeout(self.timeout, exchange).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::of(&error)),
            Err(_) => Err(Refusal::temporary("the mail server took too long")),
        }
    }

    /// A connection between two letters: one that is open and answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        while let Some(mut connection) = self.take_idle() {
            let answers = time::timeout(self.timeout / 4, connection.test_connected()).await;
            if matches!(answers, Ok(true)) {
                return Ok(connection);
            }
        }
        let wrapped = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let (host, port) = (self.server.0.as_str(), self.server.1);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (host, port),
            Some(self.timeout),
            &self.hello,
            wrapped,
            None,
        )
        .await?;
        if let Tls::Required(parameters) = &self.tls {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        // A list of connections is whole after a panic, too.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        self.idle().pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.len() < CONNECTIONS {
            idle.push((connection, Instant::now()));
        }
    }

    fn long_idle(&self) -> Vec<AsyncSmtpConnection> {
        let mut idle = self.idle();
        idle.extract_if(.., |(_, since)| since.elapsed() > IDLE_FOR)
            .map(|(connection, _)| connection)
            .collect()
    }
}

fn unwritable(error: &LetterError) -> Refusal {
    Refusal {
        kind: RefusalKind::Letter,
        detail: error.to_string(),
    }
}

fn is_this_machine(server: &str) -> bool {
    let address = server.trim_matches(['[', ']']).parse();
    server.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip: IpAddr| ip.is_loopback())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(server: &str, security: Security, username: &str) -> MailOptions {
        MailOptions {
            server: server.to_owned(),
            port: 0,
            security,
            username: username.to_owned(),
            password: Secret::default(),
            ca_file: PathBuf::new(),
            from: "desk@paper.example".to_owned(),
            from_name: String::new(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn no_password_leaves_this_machine_readable() {
        let refused = |server, security, username| {
            let mailer = Mailer::new(&options(server, security, username));
            matches!(mailer, Err(ServerError::Readable { .. }))
        };
        assert!(refused("mail.paper.example", Security::None, "desk"));
        assert!(!refused("mail.paper.example", Security::None, ""));
        for server in ["localhost", "127.0.0.1", "::1", "[::1]"] {
            assert!(!refused(server, Security::None, "desk"), "{server}");
        }
    }
}
