//! Copies bytes both ways between two streams, with back-pressure, an idle limit and an end from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Bytes that are under way in each direction at most.
const BUFFER: usize = 32 * 1024;

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides are done, or one broke.
    Closed,
    /// Nothing came for the idle limit.
    Idle,
    /// Cut from outside.
    Cut,
}

/// Bytes copied and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// From the first stream to the second.
    pub forth: u64,
    /// From the second to the first.
    pub back: u64,
    /// How it ended.
    pub end: End,
}

/// How long a copy may be without a byte.
#[derive(Clone, Debug)]
pub struct Patience {
    /// While the process serves.
    pub idle: Duration,
    /// Cancelled when the process shuts down.
    pub closing: CancellationToken,
    /// After that.
    pub idle_closing: Duration,
}

impl Patience {
    /// The same, whether the process shuts down or not.
    pub fn same(idle: Duration) -> Self {
        Self {
            idle,
            closing: CancellationToken::new(),
            idle_closing: idle,
        }
    }
}

/// Copies until both directions have ended, one breaks, `patience` runs out, or `cut`.
pub async fn pump<A, B>(a: A, b: B, patience: &Patience, cut: &CancellationToken) -> Copied
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (mut a_read, mut a_write) = split(a);
    let (mut b_read, mut b_write) = split(b);
    let (forth, back) = (AtomicU64::new(0), AtomicU64::new(0));
    let both = async {
        let forth = copy(&mut a_read, &mut b_write, &forth);
        let back = copy(&mut b_read, &mut a_write, &back);
        // The first error ends both; a clean end of one direction leaves the other open (half-close).
        let _broken = tokio::try_join!(forth, back);
    };
    let end = tokio::select! {
        () = both => End::Closed,
        () = run_out(patience, &forth, &back) => End::Idle,
        () = cut.cancelled() => End::Cut,
    };
    Copied {
        forth: forth.load(Ordering::Relaxed),
        back: back.load(Ordering::Relaxed),
        end,
    }
}

async fn copy<R, W>(from: &mut R, to: &mut W, copied: &AtomicU64) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
        copied.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn run_out(patience: &Patience, forth: &AtomicU64, back: &AtomicU64) {
    tokio::select! {
        () = idle_for(patience.idle, forth, back) => {}
        () = async {
            patience.closing.cancelled().await;
            idle_for(patience.idle_closing, forth, back).await;
        } => {}
    }
}

/// Ends when nothing came for at least `idle` (and at most twice that).
async fn idle_for(idle: Duration, forth: &AtomicU64, back: &AtomicU64) {
    let mut seen = None;
    loop {
        let now = (forth.load(Ordering::Relaxed), back.load(Ordering::Relaxed));
        if seen == Some(now) {
            return;
        }
        seen = Some(now);
        sleep(idle).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn minute() -> Patience {
        Patience::same(Duration::from_mins(1))
    }

    #[tokio::test]
    async fn bytes_flow_both_ways_and_a_half_close_leaves_the_other_direction_open() {
        let (mut left, a) = duplex(64);
        let (b, mut right) = duplex(64);
        let cut = CancellationToken::new();
        let pumping = tokio::spawn(async move { pump(a, b, &minute(), &cut).await });
        left.write_all(b"hello").await.unwrap();
        left.shutdown().await.unwrap();
        let mut got = Vec::new();
        right.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"hello");
        right.write_all(b"answer").await.unwrap();
        drop(right);
        let mut got = Vec::new();
        left.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"answer");
        assert_eq!(
            pumping.await.unwrap(),
            Copied {
                forth: 5,
                back: 6,
                end: End::Closed
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_reader_stops_the_writer_and_not_the_memory() {
        let (mut writer, a) = duplex(64);
        let (b, mut reader) = duplex(64);
        let cut = CancellationToken::new();
        tokio::spawn(async move { pump(a, b, &Patience::same(Duration::from_hours(4)), &cut).await });
        // Nobody reads: only the buffers on the way take something, and then the writer waits.
        let (minute, piece) = (Duration::from_mins(1), [0_u8; 1024]);
        let mut taken = 0;
        while let Ok(written) = tokio::time::timeout(minute, writer.write(&piece)).await {
            taken += written.unwrap();
            assert!(taken <= 2 * BUFFER, "{taken} bytes in flight");
        }
        let mut all = vec![0; taken];
        reader.read_exact(&mut all).await.unwrap();
        // The reader is back: it goes on.
        assert!(writer.write(&piece).await.unwrap() > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_ends_and_a_cut_ends_at_once() {
        let (_left, a) = duplex(64);
        let (b, _right) = duplex(64);
        let copied = pump(a, b, &minute(), &CancellationToken::new()).await;
        assert_eq!(copied.end, End::Idle);
        let (_left, a) = duplex(64);
        let (b, _right) = duplex(64);
        let patience = Patience {
            idle_closing: Duration::from_secs(2),
            ..minute()
        };
        patience.closing.cancel();
        let begun = tokio::time::Instant::now();
        assert_eq!(
            pump(a, b, &patience, &CancellationToken::new()).await.end,
            End::Idle
        );
        assert_eq!(begun.elapsed().as_secs(), 2);
        let (_left, a) = duplex(64);
        let (b, _right) = duplex(64);
        let cut = CancellationToken::new();
        cut.cancel();
        assert_eq!(pump(a, b, &minute(), &cut).await.end, End::Cut);
    }
}
