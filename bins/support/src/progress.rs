mod line;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    task::JoinHandle,
    time::{Instant, interval_at},
};

use self::line::{Line, Pace};
use crate::{
    LogFormat, ProgressMode, StatsLevel,
    logging::{bars, format, say},
};

/// When the first line comes, where further ones come less often.
const FIRST: Duration = Duration::from_secs(10);
/// When the first line comes where lines are asked for: an instant later, when something has been listed.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The shortest time between two lines.
const SHORTEST: Duration = Duration::from_millis(100);

/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether, and in which form.
    pub mode: ProgressMode,
    /// How often a line comes where there is no bar; never, where this is zero.
    pub every: Duration,
    /// The level of these lines.
    pub level: StatsLevel,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Objects that are done, failed ones included.
    pub objects_done: u64,
    /// Objects to be done, as far as they are known.
    pub objects_total: u64,
    /// Bytes that have been read at the source, or are done without.
    pub bytes_done: u64,
    /// Bytes to be done, as far as they are known.
    pub bytes_total: u64,
    /// The totals will not grow any more: the listing is complete.
    pub complete: bool,
    /// Objects that failed.
    pub failed: u64,
    /// Objects that were compared, where not all that are compared are to be done.
    pub checked: Option<u64>,
    /// Objects that were deleted, and that are to be, where any are.
    pub deleted: Option<(u64, u64)>,
}

/// Shows how far a run has come, until dropped: a bar on a terminal, otherwise a line after 10 s (1 s with
/// [`ProgressMode::On`]) or [`Shown::every`], where that is less, and then as often as that says.
#[derive(Debug)]
pub struct Progress {
    task: Option<JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts asking `poll`, which should be cheap, a few times a second at most. Must be called on a runtime.
    ///
    /// Lines are events of the log, so that `--quiet` hides them and `--log-format json` makes them JSON. With [`ProgressMode::On`]
    /// they are shown whatever the level is.
    pub fn start(shown: Shown, poll: impl Fn() -> Snapshot + Send + 'static) -> Self {
        let bar = io::stderr().is_terminal() && format() == LogFormat::Text;
        match shown.mode {
            ProgressMode::Off => Self { task: None, bar: None },
            _ if bar => Self::draw(poll),
            _ if shown.every.is_zero() => Self { task: None, bar: None },
            _ => Self { task: Some(tokio::spawn(tell(shown, poll))), bar: None },
        }
    }

    fn draw(poll: impl Fn() -> Snapshot + Send + 'static) -> Self {
        let bar = bars().add(ProgressBar::new(1000));
        let style =
            ProgressStyle::with_template("[{bar:12}] {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let mut pace = Pace::default();
            let mut ticks = interval_at(Instant::now() + REDRAW, REDRAW);
            loop {
                ticks.tick().await;
                let line = pace.line(poll());
                drawn.set_position(line.permille());
                drawn.set_message(line.to_string());
            }
        });
        Self { task: Some(task), bar: Some(bar) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            bars().remove(&bar);
        }
    }
}

async fn tell(Shown { mode, every, level }: Shown, poll: impl Fn() -> Snapshot) {
    let mut pace = Pace::default();
    pace.line(poll());
    let first = if mode == ProgressMode::On { AT_ONCE } else { FIRST };
    let every = every.max(SHORTEST);
    let mut ticks = interval_at(Instant::now() + first.min(every), every);
    loop {
        ticks.tick().await;
        let line = pace.line(poll());
        if mode == ProgressMode::On && format() == LogFormat::Text {
            say(format!("progress: {line}\n").as_bytes());
            continue;
        }
        log(&line, level);
    }
}

fn log(line: &Line, level: StatsLevel) {
    let Snapshot { objects_done, objects_total, bytes_done, bytes_total, failed, checked, deleted, .. } = line.snapshot;
    let (deleted, to_delete) = (deleted.map(|(done, _)| done), deleted.map(|(_, total)| total));
    let (bytes_per_second, seconds_left) = (line.bytes_per_second(), line.left());
    // The level of an event is a constant.
    macro_rules! log {
        ($event:ident) => {
            match format() {
                LogFormat::Text => tracing::$event!("progress: {line}"),
                LogFormat::Json => tracing::$event!(
                    objects_done,
                    objects_total,
                    bytes_done,
                    bytes_total,
                    bytes_per_second,
                    seconds_left,
                    checked,
                    deleted,
                    to_delete,
                    failed,
                    "progress: {line}"
                ),
            }
        };
    }
    match level {
        StatsLevel::Error => log!(error),
        StatsLevel::Warn => log!(warn),
        StatsLevel::Info => log!(info),
        StatsLevel::Debug => log!(debug),
    }
}
