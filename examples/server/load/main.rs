//! Drives the server on the loopback interface: one group of thousands, some of whom are connected, and messages into it. Prints
//! the table of BENCHMARKS.md, and beside it what the same costs where every member has a row with a counter.
//!
//! ```text
//! cargo run --release -p chatfold-server --bin load             # about two minutes; it starts a PostgreSQL of its own
//! cargo run --release -p chatfold-server --bin load -- --quick  # seconds: does it run
//! cargo run --release -p chatfold-server --bin load -- --server 127.0.0.1:8080   # a server that runs already
//! ```
//!
//! Every message is durable before its author hears of it. A delivery is timed from before its author asks until a connected
//! member has read it out of a frame; authors, members, server and database share the processor.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod counters;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chatfold_server::client::{Client, Failure, Live};
use chatfold_server::shown::Frame;
use chatfold_server::{Chat, PasswordCost, Settings};
use clap::Parser;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

/// How many accounts are made at once.
const AT_ONCE: usize = 16;

/// How long the last messages may be under way when nobody writes any more.
const SETTLES: Duration = Duration::from_secs(60);

/// Drives the server with messages into one group.
#[derive(Clone, Parser)]
struct Args {
    /// A server that runs already; without it one is begun here, over a PostgreSQL in a temporary folder.
    #[arg(long)]
    server: Option<SocketAddr>,
    /// How many are in the group.
    #[arg(long, default_value_t = 5_000)]
    members: usize,
    /// How many of these are connected.
    #[arg(long, default_value_t = 100)]
    connected: usize,
    /// How many write at once where it goes as fast as it can.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// How many messages a second where it goes by the clock.
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// How long each part is measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// A run of seconds that measures nothing of use.
    #[arg(long)]
    quick: bool,
    /// Prints lines for a table in place of one for people.
    #[arg(long)]
    csv: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        (args.members, args.connected, args.writers, args.rate, args.seconds) = (50, 10, 8, 50, 1);
    }
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    if args.connected == 0 || args.members < args.connected {
        return Err("somebody is connected, and who is connected is a member".into());
    }
    let scratch = if args.server.is_some() { None } else { postgres_scratch::server() };
    let address = match (args.server, &scratch) {
        (Some(address), _) => address,
        (None, Some(scratch)) => begin(&scratch.config()).await?,
        (None, None) => return Ok(()),
    };
    let group = Group::make(args, Client::new(address)).await?;
    let table = Table::new(args.csv);
    for rate in [None, Some(args.rate)] {
        let what = match rate {
            None => format!("{} writers, as fast as it goes", args.writers),
            Some(rate) => format!("{rate} messages a second"),
        };
        table.row(&what, &group.measure(args, rate).await?);
    }
    if let Some(scratch) = &scratch {
        table
            .row("a row with a counter for every member", &counters::measure(&scratch.config(), args).await?);
    }
    Ok(())
}

/// Begins a server in this process.
async fn begin(database: &str) -> Result<SocketAddr, Failure> {
    let mut settings = Settings::new(b"a secret of the load generator".to_vec());
    settings.passwords = PasswordCost::Least;
    let chat = Chat::open(&database.parse()?, settings).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, chat.router()).await });
    Ok(address)
}

/// What was measured.
struct Measured {
    seconds: f64,
    /// Messages that were acknowledged.
    sent: u64,
    /// Messages out of frames, over all who are connected.
    told: u64,
    /// Frames that said the list anew.
    lists: u64,
    /// From before a message was asked for until it was acknowledged, in microseconds.
    sending: Histogram<u64>,
    /// Until a connected member had it.
    delivery: Histogram<u64>,
}

struct Table {
    csv: bool,
}

impl Table {
    fn new(csv: bool) -> Self {
        if csv {
            println!("what,sent,per_second,told,lists,sent_p50_us,sent_p99_us,told_p50_us,told_p99_us");
        } else {
            println!("| | messages/s | sent p50, p99 | told p50, p99 | told |\n|---|---|---|---|---|");
        }
        Self { csv }
    }

    fn row(&self, what: &str, of: &Measured) {
        let quantiles = |of: &Histogram<u64>| [0.5, 0.99].map(|at| of.value_at_quantile(at));
        let (sending, delivery) = (quantiles(&of.sending), quantiles(&of.delivery));
        let per_second = of.sent as f64 / of.seconds;
        if self.csv {
            let Measured { sent, told, lists, .. } = of;
            let ([s50, s99], [d50, d99]) = (sending, delivery);
            println!("{what},{sent},{per_second:.0},{told},{lists},{s50},{s99},{d50},{d99}");
            return;
        }
        let ms = |[p50, p99]: [u64; 2]| format!("{:.1}, {:.1} ms", p50 as f64 / 1e3, p99 as f64 / 1e3);
        let told = if of.delivery.is_empty() { "".to_owned() } else { ms(delivery) };
        println!("| {what} | {per_second:.0} | {} | {told} | {} |", ms(sending), of.told);
    }
}

/// A group with its members, some of whom are connected and write.
struct Group {
    client: Client,
    conversation: String,
    tokens: Vec<String>,
    began: Instant,
}

impl Group {
    async fn make(args: &Args, client: Client) -> Result<Self, Failure> {
        // Another run's accounts may be there.
        let run = Uuid::new_v4().simple().to_string();
        let name = |n: usize| format!("u{n}-{run}");
        let mut accounts = JoinSet::new();
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        for n in 0..args.members {
            let (client, gate, name) = (client.clone(), Arc::clone(&gate), name(n));
            accounts.spawn(async move {
                let _permit = gate.acquire().await?;
                let body = json!({ "user": name, "password": "a password" });
                let answer = client.post("/accounts", "", &body).await?;
                Ok::<_, Failure>((n, answer["token"].as_str().unwrap_or_default().to_owned()))
            });
        }
        let mut tokens = vec![String::new(); args.connected];
        while let Some(made) = accounts.join_next().await {
            let (n, token) = made??;
            if let Some(place) = tokens.get_mut(n) {
                *place = token;
            }
        }
        let members: Vec<_> = (0..args.members).map(name).collect();
        let first = tokens.first().cloned().unwrap_or_default();
        let body = json!({ "name": "everybody", "members": members });
        let made = client.post("/groups", &first, &body).await?;
        let conversation = made["conversation"].as_str().ok_or("no conversation")?.to_owned();
        Ok(Self { client, conversation, tokens, began: Instant::now() })
    }

    async fn measure(&self, args: &Args, rate: Option<u64>) -> Result<Measured, Failure> {
        let (ends, ended) = watch::channel(false);
        let all_told = Arc::new(AtomicU64::new(0));
        let mut connected = JoinSet::new();
        for token in &self.tokens {
            let mut live = self.client.live(token).await?;
            // The first frame is the list, and everything after it is told.
            live.next().await?;
            connected.spawn(listen(live, self.began, (Arc::clone(&all_told), ended.clone())));
        }
        let sent = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let until = begin + Duration::from_secs(args.seconds);
        let sending = match rate {
            None => self.as_fast_as_it_goes(args.writers, until, &sent).await?,
            Some(rate) => self.by_the_clock(rate, until, &sent).await?,
        };
        let seconds = begin.elapsed().as_secs_f64();
        let sent = sent.load(Ordering::Relaxed);
        let expected = sent * self.tokens.len() as u64;
        let settled = Instant::now() + SETTLES;
        while all_told.load(Ordering::Relaxed) < expected && Instant::now() < settled {
            sleep(Duration::from_millis(50)).await;
        }
        ends.send_replace(true);
        let mut measured = Measured { seconds, sent, told: 0, lists: 0, sending, delivery: histogram()? };
        while let Some(heard) = connected.join_next().await {
            let heard = heard??;
            measured.told += heard.told;
            measured.lists += heard.lists;
            measured.delivery.add(&heard.delivery)?;
        }
        if measured.lists == 0 && measured.told != expected {
            return Err(format!("{} messages were told where {expected} were due", measured.told).into());
        }
        Ok(measured)
    }

    async fn as_fast_as_it_goes(
        &self,
        writers: usize,
        until: Instant,
        sent: &Arc<AtomicU64>,
    ) -> Result<Histogram<u64>, Failure> {
        let mut all = JoinSet::new();
        for token in self.tokens.iter().cycle().take(writers) {
            let writer = self.writer(token);
            let sent = Arc::clone(sent);
            all.spawn(async move {
                let mut times = histogram()?;
                while Instant::now() < until {
                    times.record(writer.say().await?)?;
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(times)
            });
        }
        let mut times = histogram()?;
        while let Some(done) = all.join_next().await {
            times.add(done??)?;
        }
        Ok(times)
    }

    async fn by_the_clock(
        &self,
        rate: u64,
        until: Instant,
        sent: &Arc<AtomicU64>,
    ) -> Result<Histogram<u64>, Failure> {
        let mut ticks = interval(Duration::from_secs(1).div_f64(rate as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut all, mut times) = (JoinSet::new(), histogram()?);
        for token in self.tokens.iter().cycle() {
            // Late or not: how long a message waited for its turn here is part of its time.
            let due = ticks.tick().await;
            if due >= until {
                break;
            }
            let writer = self.writer(token);
            all.spawn(async move { writer.say_due(due).await });
            while let Some(done) = all.try_join_next() {
                times.record(done??)?;
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
        while let Some(done) = all.join_next().await {
            times.record(done??)?;
            sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(times)
    }

    fn writer(&self, token: &str) -> Writer {
        let path = format!("/conversations/{}/messages", self.conversation);
        Writer { client: self.client.clone(), token: token.to_owned(), path, began: self.began }
    }
}

struct Writer {
    client: Client,
    token: String,
    path: String,
    began: Instant,
}

impl Writer {
    /// Sends a message and returns how long that took, in microseconds.
    async fn say(&self) -> Result<u64, Failure> {
        self.say_due(Instant::now()).await
    }

    /// The same of one that was due at an instant.
    async fn say_due(&self, due: Instant) -> Result<u64, Failure> {
        let since = due.duration_since(self.began).as_micros();
        let text = format!("{since} A line of some length, as people write.");
        let body = json!({ "id": Uuid::new_v4().to_string(), "text": text });
        self.client.post(&self.path, &self.token, &body).await?;
        Ok(micros(due))
    }
}

/// What somebody who is connected heard.
struct Heard {
    told: u64,
    lists: u64,
    delivery: Histogram<u64>,
}

async fn listen(
    mut live: Live,
    began: Instant,
    (all_told, mut ended): (Arc<AtomicU64>, watch::Receiver<bool>),
) -> Result<Heard, Failure> {
    let mut heard = Heard { told: 0, lists: 0, delivery: histogram()? };
    loop {
        let frame = tokio::select! {
            frame = live.next() => frame?,
            _ = ended.wait_for(|ended| *ended) => return Ok(heard),
        };
        match frame {
            Frame::List(_) => heard.lists += 1,
            Frame::Changed { changed, .. } => {
                for message in changed.iter().flat_map(|changed| &changed.messages) {
                    let since = message.text.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
                    let due = began + Duration::from_micros(since.ok_or("a message of somebody else")?);
                    heard.delivery.record(micros(due))?;
                    heard.told += 1;
                    all_told.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Up to a minute, to a hundredth.
fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 2)?)
}
