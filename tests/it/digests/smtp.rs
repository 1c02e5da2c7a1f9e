//! A mail server on loopback: real SMTP (RFC 5321), with the moods of real servers.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What the server does with a letter to a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes it.
    Take,
    /// Closes the connection instead of a greeting.
    Down,
    /// Answers RCPT with this line.
    AtRecipient(&'static str),
    /// Answers the end of DATA with this line.
    AtData(&'static str),
    /// Cuts the connection after so many lines of DATA.
    CutInData(usize),
    /// Takes it, and cuts the connection before it says so.
    TakeAndCut,
    /// Answers each command only after this.
    Slow(Duration),
    /// Says nothing any more from here on, until the other side hangs up: at the greeting, or after DATA.
    Hang,
    /// Resets the connection (TCP RST) after so many lines of DATA.
    ResetInData(usize),
}

/// A letter that the server took, whether or not the other side was told.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) recipient: String,
    /// As sent, dots unstuffed.
    pub(crate) bytes: Vec<u8>,
    pub(crate) was_told: bool,
}

type Moods = Arc<Mutex<Box<dyn FnMut(&str) -> Mood + Send>>>;

/// The server.
#[derive(Clone)]
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
    /// Every line of every session outside of DATA.
    commands: Arc<Mutex<Vec<String>>>,
    moods: Moods,
    /// Sessions that the other side ended while this side said nothing.
    given_up: Arc<AtomicUsize>,
}

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            taken: Arc::default(),
            commands: Arc::default(),
            moods: Arc::new(Mutex::new(Box::new(|_| Mood::Take))),
            given_up: Arc::default(),
        };
        let running = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = running.clone();
                tokio::spawn(async move {
                    // A client that goes away in the middle is part of the game.
                    let _ = session.serve(stream).await;
                });
            }
        });
        server
    }

    /// From now on the mood is asked for at each greeting (with an empty recipient) and each recipient.
    pub(crate) fn set(&self, moods: impl FnMut(&str) -> Mood + Send + 'static) {
        *self.moods.lock().unwrap() = Box::new(moods);
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    pub(crate) fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Waits for the other side to hang up.
    async fn hang(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
        while !stream.fill_buf().await?.is_empty() {
            let held = stream.buffer().len();
            stream.consume(held);
        }
        self.given_up.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn mood(&self, recipient: &str) -> Mood {
        (self.moods.lock().unwrap())(recipient)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        match self.mood("") {
            Mood::Down => return Ok(()),
            Mood::Slow(time) => tokio::time::sleep(time).await,
            Mood::Hang => return self.hang(&mut stream).await,
            _ => {}
        }
        say(&mut stream, "220 mail.test ESMTP").await?;
        let (mut recipient, mut mood) = (String::new(), Mood::Take);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end_matches("\r\n").to_owned();
            self.commands.lock().unwrap().push(line.clone());
            if let Mood::Slow(time) = mood {
                tokio::time::sleep(time).await;
            }
            let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => say(&mut stream, "250-mail.test\r\n250-8BITMIME\r\n250 SIZE").await?,
                "RCPT" => {
                    recipient = line
                        .trim_start_matches("RCPT TO:<")
                        .split('>')
                        .next()
                        .unwrap()
                        .to_owned();
                    mood = self.mood(&recipient);
                    match mood {
                        Mood::AtRecipient(answer) => say(&mut stream, answer).await?,
                        Mood::Down => return Ok(()),
                        _ => say(&mut stream, "250 ok").await?,
                    }
                }
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let limit = match mood {
                        Mood::CutInData(lines) | Mood::ResetInData(lines) => lines,
                        _ => usize::MAX,
                    };
                    let Some(bytes) = letter(&mut stream, limit).await? else {
                        if matches!(mood, Mood::ResetInData(_)) {
                            stream.get_ref().set_zero_linger()?;
                        }
                        return Ok(());
                    };
                    let take = |was_told| {
                        self.taken.lock().unwrap().push(Taken {
                            recipient: recipient.clone(),
                            bytes,
                            was_told,
                        });
                    };
                    match mood {
                        Mood::TakeAndCut => {
                            take(false);
                            return Ok(());
                        }
                        Mood::Hang => return self.hang(&mut stream).await,
                        Mood::AtData(answer) => say(&mut stream, answer).await?,
                        _ => {
                            take(true);
                            say(&mut stream, "250 2.0.0 taken").await?;
                        }
                    }
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                "MAIL" | "RSET" | "NOOP" => say(&mut stream, "250 ok").await?,
                _ => say(&mut stream, "502 5.5.1 no").await?,
            }
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// The letter up to the lonely dot; none if it ends before, or after `limit` lines.
async fn letter(
    stream: &mut BufReader<TcpStream>,
    limit: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    for _ in 0..limit {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(bytes));
        }
        let stuffed = line.starts_with(b".");
        bytes.extend_from_slice(&line[usize::from(stuffed)..]);
    }
    Ok(None)
}
