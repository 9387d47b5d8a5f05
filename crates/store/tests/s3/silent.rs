//! What the log says of a store that does not answer.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use transship_store::{Bucket, Result, RetryOptions, S3Spec, retry};
use transship_testbed::s3::{Effect, Fault, S3Server};
use transship_types::Key;

use crate::{BUCKET, opened, spec};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn at(&self, level: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(level) && line.contains("next try")).map(str::to_owned).collect()
    }
}

/// Keeps this thread's log while it lives.
fn logged() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let to = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    (lines, tracing::subscriber::set_default(subscriber.with_writer(move || to.clone()).finish()))
}

async fn tries(attempts: u32, wait: Duration, bucket: &dyn Bucket, key: &str) -> Result<()> {
    let policy = RetryOptions { attempts, patience: Duration::ZERO, first_wait: wait, longest_wait: wait };
    let key = Key::from(key);
    retry(&policy, |_| bucket.head(&key)).await.map(drop)
}

async fn three_tries(bucket: &dyn Bucket, key: &str) -> Result<()> {
    tries(3, Duration::from_millis(5), bucket, key).await
}

#[tokio::test]
async fn a_server_that_stays_away_is_told_of_once_for_all_its_objects() {
    let servers = [S3Server::builder().start().await.unwrap(), S3Server::builder().start().await.unwrap()];
    let buckets = servers.each_ref().map(|server| opened(spec(server)));
    servers.iter().for_each(|server| server.faults().kill_at(1));
    let (lines, _guard) = logged();
    // At least 2.5 s in all.
    let (attempts, wait) = (6, Duration::from_secs(1));
    let keys: Vec<_> = (0..20).map(|n| format!("object {n}")).collect();
    let pairs = keys.iter().flat_map(|key| buckets.iter().map(move |bucket| (key, bucket)));
    let results = join_all(pairs.map(|(key, bucket)| tries(attempts, wait, &**bucket, key))).await;
    assert!(results.iter().all(Result::is_err));
    let told = lines.at("WARN");
    assert_eq!((told.len(), lines.at("DEBUG").len()), (2, 2 * 20 * 5 - 2), "{told:#?}");
    for server in &servers {
        let place = format!("look at s3://{BUCKET} at {} \"object ", server.endpoint());
        let line = told.iter().find(|line| line.contains(&place)).unwrap();
        assert!(line.contains("the connection broke") && line.ends_with(" s"), "{line}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_not_worth_a_warning() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    server.put_object(BUCKET, "k", "bytes");
    server.faults().add(Fault::new(Effect::LoseReply).times(2));
    let (lines, _guard) = logged();
    three_tries(&*opened(spec(&server)), "k").await.unwrap();
    assert_eq!((lines.at("WARN").len(), lines.at("DEBUG").len()), (0, 2));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_of_before_the_second_try() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    server.put_object(BUCKET, "k", "bytes");
    server.faults().add(Fault::new(Effect::Delay(Duration::from_secs(60))).times(1));
    let (lines, _guard) = logged();
    let bucket = opened(S3Spec { read_timeout: Duration::from_millis(200), ..spec(&server) });
    three_tries(&*bucket, "k").await.unwrap();
    let told = lines.at("WARN");
    assert!(told.len() == 1 && told[0].contains("no answer for 0.2 s; next try in 0.0 s"), "{told:#?}");
}

#[tokio::test]
async fn an_answer_that_may_change_is_not_worth_a_warning() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    server.put_object(BUCKET, "k", "bytes");
    server.faults().add(Fault::answer(503, "SlowDown").times(1));
    let (lines, _guard) = logged();
    three_tries(&*opened(spec(&server)), "k").await.unwrap();
    assert_eq!((lines.at("WARN").len(), lines.at("DEBUG").len()), (0, 1));
}
