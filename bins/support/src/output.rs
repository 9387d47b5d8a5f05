use std::{
    fmt,
    io::{self, Write},
};

use futures::{FutureExt, Stream, StreamExt};

use crate::logging::bars;

/// Where results go: stdout, with errors in place of the panics of `println!`.
///
/// A reader that closes the pipe (`solgate list | head`) gives [`OutputClosed`], which [`run`](crate::run) turns into a
/// quiet end.
#[derive(Debug)]
pub struct Output(io::BufWriter<io::Stdout>);

/// The reader of stdout is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output closed it")
    }
}

impl std::error::Error for OutputClosed {}

impl Output {
    /// The process's stdout, buffered until [`Write::flush`] or [`Output::line`], or until there are 64 KiB.
    pub fn stdout() -> Self {
        Self(io::BufWriter::with_capacity(64 << 10, io::stdout()))
    }

    /// Writes a line, and everything before it, at once.
    ///
    /// # Errors
    /// Stdout's; [`OutputClosed`] inside where the reader is gone.
    pub fn line(&mut self, line: &dyn fmt::Display) -> io::Result<()> {
        writeln!(self, "{line}")?;
        self.flush()
    }

    /// Whether an error, or one of its causes, is that the reader of stdout is gone.
    pub(crate) fn was_closed(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| {
            let io = cause.downcast_ref::<io::Error>();
            cause.is::<OutputClosed>()
                || io.and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<OutputClosed>())
        })
    }
}

/// The next item of a stream. Where it is not there yet, `pause` is called before it is waited for: what was written until
/// then can be shown.
///
/// # Errors
/// Those of `pause`.
pub async fn next_or_pause<T, E>(
    stream: &mut (impl Stream<Item = T> + Unpin),
    pause: impl FnOnce() -> Result<(), E>,
) -> Result<Option<T>, E> {
    if let Some(next) = stream.next().now_or_never() {
        return Ok(next);
    }
    pause()?;
    Ok(stream.next().await)
}

/// A broken pipe elsewhere is a network failure: only this one is marked.
fn mark(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ io::ErrorKind::BrokenPipe => io::Error::new(kind, OutputClosed),
        kind => io::Error::new(kind, format!("write to stdout: {error}")),
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.buffer().len() + bytes.len() > self.0.capacity() {
            self.flush()?;
        }
        self.0.write(bytes).map_err(mark)
    }

    /// Stdout may be the terminal that a bar is drawn on: it steps aside.
    fn flush(&mut self) -> io::Result<()> {
        bars().suspend(|| self.0.flush()).map_err(mark)
    }
}
