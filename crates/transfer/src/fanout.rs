//! One stream of bytes for several followers, in step within a small window.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, future::join_all, stream};
use tokio::sync::mpsc;
use transship_store::{ByteStream, Error, Result};

use crate::{
    follower::{Follower, left_behind},
    laggards::Laggards,
};

/// Chunks that a follower may lag behind; files give 256 KiB at once, connections to S3 half of it at most.
const WINDOW: usize = 4;

/// What each follower keeps in memory, at most, in bytes.
pub(crate) const WINDOW_BYTES: u64 = 1 << 20;

/// The shortest time between two looks at a follower that holds up the others.
const LOOK: Duration = Duration::from_millis(5);

/// Hands every chunk of `source` to all followers. The returned future pumps; the streams end when it ends.
///
/// A follower that holds up the others for longer than it may has to leave: its stream fails with a transient error,
/// and it can read the source itself later. One that goes away is forgotten.
pub(crate) fn fan_out(
    source: ByteStream,
    followers: Vec<Follower>,
) -> (impl Future<Output = ()> + Send, Vec<ByteStream>) {
    let laggards = Laggards::over(followers.clone());
    let (taps, receivers): (Vec<_>, Vec<_>) = followers
        .into_iter()
        .enumerate()
        .map(|(at, follower)| {
            let (sender, receiver) = mpsc::channel(WINDOW);
            (Tap { at, sender, follower, laggards: laggards.clone() }, receiver)
        })
        .unzip();
    let streams = receivers.into_iter().enumerate().map(|(at, receiver)| stream_of(at, receiver, &laggards)).collect();
    (pump(source, taps), streams)
}

fn stream_of(at: usize, receiver: mpsc::Receiver<Result<Bytes>>, laggards: &Laggards) -> ByteStream {
    stream::unfold((receiver, laggards.clone()), move |(mut receiver, laggards)| async move {
        let next = match receiver.try_recv() {
            Ok(next) => next,
            Err(_) => {
                let _starves = laggards.starves(at);
                receiver.recv().await?
            }
        };
        Some((next, (receiver, laggards)))
    })
    .boxed()
}

/// The pump's end of a follower's window.
struct Tap {
    at: usize,
    sender: mpsc::Sender<Result<Bytes>>,
    follower: Follower,
    laggards: Laggards,
}

async fn pump(mut source: ByteStream, mut taps: Vec<Tap>) {
    while let Some(next) = source.next().await {
        match next {
            Ok(chunk) => {
                taps = join_all(taps.into_iter().map(|tap| tap.give(&chunk))).await.into_iter().flatten().collect()
            }
            Err(error) => return fail(taps, error).await,
        }
        if taps.is_empty() {
            return;
        }
    }
}

impl Tap {
    /// Gives one chunk; comes back where there is still a follower.
    async fn give(self, chunk: &Bytes) -> Option<Self> {
        match self.sender.try_send(Ok(chunk.clone())) {
            Ok(()) => return Some(self),
            Err(mpsc::error::TrySendError::Closed(_)) => return None,
            Err(mpsc::error::TrySendError::Full(_)) => {}
        }
        if self.has_room().await {
            // Nobody else sends here: the room is there.
            return self.sender.send(Ok(chunk.clone())).await.is_ok().then_some(self);
        }
        // The news waits behind a full window, in a task of its own, for whoever only reads the stream.
        let Self { sender, follower, .. } = self;
        tokio::spawn(async move { sender.send(Err(left_behind())).await });
        follower.leave();
        None
    }

    /// Waits for room in the window, for as long as the follower may hold up the others. A request that was given up
    /// may keep its end of the window for as long as its connection hangs.
    async fn has_room(&self) -> bool {
        self.follower.unless_leaving(async { Ok(self.room().await) }).await.unwrap_or(false)
    }

    async fn room(&self) -> bool {
        let _full = self.laggards.is_full(self.at);
        loop {
            let room = tokio::time::timeout(self.follower.slack().max(LOOK), self.sender.reserve()).await;
            if room.is_ok() {
                return true;
            }
            if self.laggards.others_starve(self.at) && self.follower.slack().is_zero() {
                return false;
            }
        }
    }
}

/// Errors are not clonable: the first follower gets the real one, the others its words and class.
async fn fail(taps: Vec<Tap>, error: Error) {
    let (kind, class, words) = (error.kind(), error.class(), error.to_string());
    let mut original = Some(error);
    let news = taps.into_iter().map(|tap| {
        let error = original.take().unwrap_or_else(|| Error::new(kind, words.clone()).with_class(class));
        async move {
            let news = async { tap.sender.send(Err(error)).await.map_err(|_| left_behind()) };
            tap.follower.unless_leaving(news).await
        }
    });
    join_all(news).await;
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use tokio_util::sync::CancellationToken;
    use transship_store::ErrorKind;

    use super::*;
    use crate::Bandwidth;

    fn followers(count: usize, patience: Duration) -> Vec<Follower> {
        (0..count).map(|_| Follower::new(&CancellationToken::new(), patience, &Bandwidth::default())).collect()
    }

    fn chunks(count: u8) -> ByteStream {
        stream::iter((0..count).map(|n| Ok(Bytes::from(vec![n])))).boxed()
    }

    async fn slowly(stream: ByteStream, pause: Duration) -> Result<usize> {
        stream
            .try_fold(0, |count, _| async move {
                tokio::time::sleep(pause).await;
                Ok(count + 1)
            })
            .await
    }

    #[tokio::test]
    async fn everybody_gets_every_chunk() {
        let (pump, streams) = fan_out(chunks(100), followers(3, Duration::from_secs(1)));
        let (_, got) = futures::join!(pump, join_all(streams.into_iter().map(|s| s.try_collect::<Vec<_>>())));
        for chunks in got {
            assert!(chunks.unwrap().into_iter().eq((0..100).map(|n| vec![n])));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_by_small_steps_is_left_behind_too() {
        let (pump, mut streams) = fan_out(chunks(200), followers(2, Duration::from_millis(200)));
        let (slow, fast) = (streams.pop().unwrap(), streams.pop().unwrap());
        let slow = slowly(slow, Duration::from_millis(20));
        let (_, fast, slow) = futures::join!(pump, fast.try_collect::<Vec<_>>(), slow);
        assert_eq!((fast.unwrap().len(), slow.unwrap_err().kind()), (200, ErrorKind::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_a_little_slower_stays() {
        let (pump, mut streams) = fan_out(chunks(60), followers(2, Duration::from_millis(400)));
        let one = slowly(streams.pop().unwrap(), Duration::from_millis(20));
        let two = slowly(streams.pop().unwrap(), Duration::from_millis(18));
        let (_, one, two) = futures::join!(pump, one, two);
        assert_eq!((one.unwrap(), two.unwrap()), (60, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_alone_may_take_its_time() {
        let (pump, mut streams) = fan_out(chunks(20), followers(2, Duration::from_millis(50)));
        drop(streams.pop());
        let (_, one) = futures::join!(pump, slowly(streams.pop().unwrap(), Duration::from_millis(60)));
        assert_eq!(one.unwrap(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_may_not_lag_at_all_may_still_read_alone() {
        let (pump, mut streams) = fan_out(chunks(20), followers(1, Duration::ZERO));
        let (_, one) = futures::join!(pump, slowly(streams.pop().unwrap(), Duration::from_millis(20)));
        assert_eq!(one.unwrap(), 20);
    }

    #[tokio::test]
    async fn an_error_reaches_everybody_even_past_one_who_does_not_read() {
        let broken = chunks(WINDOW as u8).chain(stream::iter([Err(Error::new(ErrorKind::Server, "broken"))])).boxed();
        let (pump, mut streams) = fan_out(broken, followers(2, Duration::from_secs(60)));
        let (reading, asleep) = (streams.pop().unwrap(), streams.pop().unwrap());
        let pump = tokio::spawn(pump);
        assert_eq!(reading.try_collect::<Vec<_>>().await.unwrap_err().kind(), ErrorKind::Server);
        assert!(!pump.is_finished(), "the other one has not read a byte");
        drop(asleep);
        pump.await.unwrap();
    }
}
