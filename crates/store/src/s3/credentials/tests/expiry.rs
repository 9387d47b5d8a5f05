use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{chain, home, stand_in::*};
use crate::{ErrorKind, s3::credentials::Credentials};

/// A container's endpoint whose keys are called `K1`, `K2`, ... and live for `lifetime` seconds; it takes its time.
struct Rotating {
    server: StandIn,
    lifetime: Arc<AtomicI64>,
    broken: Arc<AtomicBool>,
}

impl Rotating {
    async fn start(lifetime: i64) -> Self {
        let (count, broken, lifetime) =
            (AtomicU32::new(0), Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(lifetime)));
        let (is_broken, seconds) = (Arc::clone(&broken), Arc::clone(&lifetime));
        let server = StandIn::start(move |_| {
            std::thread::sleep(Duration::from_millis(100));
            if is_broken.load(Ordering::SeqCst) {
                return (500, String::new());
            }
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            (200, document(&format!("K{number}"), seconds.load(Ordering::SeqCst)))
        })
        .await;
        Self { server, lifetime, broken }
    }

    fn credentials(&self) -> Arc<Credentials> {
        let url = self.server.url();
        Arc::new(chain(home("", "").path(), &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]).unwrap())
    }

    fn requests(&self) -> usize {
        self.server.asked().len()
    }
}

async fn id(credentials: &Credentials) -> String {
    credentials.keys().await.unwrap().unwrap().access_key_id.clone()
}

/// What many tasks get that ask at once.
async fn ids(credentials: &Arc<Credentials>) -> Vec<String> {
    let tasks = (0..20).map(|_| {
        let credentials = Arc::clone(credentials);
        tokio::spawn(async move { id(&credentials).await })
    });
    let mut ids: Vec<_> = futures::future::join_all(tasks).await.into_iter().map(|id| id.unwrap()).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_cause_one_fetch_and_good_keys_are_kept() {
    let endpoint = Rotating::start(3600).await;
    let credentials = endpoint.credentials();
    assert_eq!(ids(&credentials).await, ["K1"]);
    assert_eq!(ids(&credentials).await, ["K1"]);
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_shared_by_all_who_waited_for_it() {
    let endpoint = Rotating::start(3600).await;
    endpoint.broken.store(true, Ordering::SeqCst);
    let credentials = endpoint.credentials();
    let all = futures::future::join_all((0..20).map(|_| credentials.keys())).await;
    assert!(all.iter().all(|result| result.as_ref().unwrap_err().kind() == ErrorKind::Server));
    assert_eq!(endpoint.requests(), 1);
    endpoint.broken.store(false, Ordering::SeqCst);
    assert_eq!(id(&credentials).await, "K1", "the next one asks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_that_are_still_good_serve_while_one_task_renews_them() {
    let endpoint = Rotating::start(3).await;
    let credentials = endpoint.credentials();
    assert_eq!(id(&credentials).await, "K1");
    endpoint.lifetime.store(3600, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1700)).await;
    let seen = ids(&credentials).await;
    assert!(seen == ["K1", "K2"] || seen == ["K2"], "{seen:?}");
    assert_eq!(ids(&credentials).await, ["K2"]);
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_renewed_serve_to_their_end_and_not_longer() {
    let endpoint = Rotating::start(3).await;
    let credentials = endpoint.credentials();
    assert_eq!(id(&credentials).await, "K1");
    endpoint.broken.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1700)).await;
    assert_eq!(ids(&credentials).await, ["K1"]);
    assert_eq!(endpoint.requests(), 2, "one attempt, then a pause");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(credentials.keys().await.unwrap_err().kind(), ErrorKind::Server);
    endpoint.broken.store(false, Ordering::SeqCst);
    endpoint.lifetime.store(3600, Ordering::SeqCst);
    assert_eq!(id(&credentials).await, "K2");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_whose_keys_were_refused_cause_one_refresh() {
    let endpoint = Rotating::start(3600).await;
    let credentials = endpoint.credentials();
    let used = credentials.keys().await.unwrap().unwrap();
    let renewed = futures::future::join_all((0..20).map(|_| credentials.refresh(&used))).await;
    assert!(renewed.iter().all(|renewed| *renewed));
    assert_eq!(ids(&credentials).await, ["K2"]);
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test]
async fn keys_that_another_program_renewed_in_the_file_are_found_after_a_refusal() {
    let profile = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = canary\n");
    let home = home("", &profile("OLD"));
    let credentials = chain(home.path(), &[]).unwrap();
    let used = credentials.keys().await.unwrap().unwrap();
    assert!(!credentials.refresh(&used).await, "the file says the same");
    std::fs::write(home.path().join(".aws/credentials"), profile("NEW")).unwrap();
    assert!(!credentials.refresh(&used).await, "asked again too soon");
    assert_eq!(id(&credentials).await, "OLD");
    let later = chain(home.path(), &[]).unwrap();
    assert!(later.refresh(&used).await);
    assert_eq!(id(&later).await, "NEW");
}
