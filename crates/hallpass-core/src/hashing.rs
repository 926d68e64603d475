//! Password hashing, away from everything else.
//!
//! A hash costs milliseconds of a core and megabytes of memory. It runs on threads of its own, as many as there are
//! cores, each of which keeps its memory from one hash to the next. The queue is bounded: past it the answer is "busy"
//! at once, and everything that needs no hash stays fast.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use hallpass_django::hashers::{Hashers, Salt, Scratch, Verdict};
use tokio::sync::oneshot;

use crate::domain::secret;
use crate::error::{Error, Failure, Refusal};

type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

/// The threads and the queue before them.
pub struct Hashing {
    hashers: Arc<Hashers>,
    queue: Arc<Queue>,
    limit: usize,
    hashes: AtomicU64,
}

struct Queue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        // A job that panics is caught below; a poisoned lock still holds a whole queue.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hashing {
    /// Starts `threads` threads with room for `limit` waiting hashes.
    pub fn start(hashers: Hashers, threads: usize, limit: usize) -> Result<Self, Failure> {
        let queue = Arc::new(Queue {
            jobs: Mutex::new(Jobs {
                waiting: VecDeque::new(),
                closed: false,
            }),
            wake: Condvar::new(),
        });
        for index in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || work(&queue))
                .map_err(|error| Failure::from_source("no thread for hashing", error))?;
        }
        Ok(Hashing {
            hashers: Arc::new(hashers),
            queue,
            limit,
            hashes: AtomicU64::new(0),
        })
    }

    /// The configured hashers.
    pub fn hashers(&self) -> &Hashers {
        &self.hashers
    }

    /// Passwords compared and encoded so far, in vain as well.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Compares a password with an encoded hash.
    pub async fn verify(&self, password: &str, encoded: &str) -> Result<Verdict, Error> {
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let (password, encoded) = (password.to_owned(), encoded.to_owned());
        self.submit(move |hashers, scratch| hashers.verify(&password, &encoded, scratch))
            .await
    }

    /// The same work for an account that does not exist.
    pub async fn verify_unknown(&self, password: &str) -> Result<(), Error> {
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let password = password.to_owned();
        self.submit(move |hashers, scratch| hashers.verify_unknown(&password, scratch))
            .await
    }

    /// Encodes a new password with the preferred hasher and a fresh salt.
    pub async fn encode(&self, password: &str) -> Result<String, Error> {
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let password = password.to_owned();
        let salt = Salt::from_random(secret::random_bytes());
        let encoded = self
            .submit(move |hashers, scratch| hashers.encode(&password, &salt, scratch))
            .await?;
        encoded
            .map_err(|error| Failure::from_source("the password could not be hashed", error).into())
    }

    /// Does other slow work about passwords on these threads.
    pub async fn think<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.submit(move |_, _| work()).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hashers, &mut Scratch) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, wait) = oneshot::channel();
        {
            let mut jobs = self.queue.lock();
            if jobs.waiting.len() >= self.limit {
                return Err(Refusal::Busy { retry_after: 2 }.into());
            }
            let hashers = Arc::clone(&self.hashers);
            jobs.waiting.push_back(Box::new(move |scratch| {
                // Whoever waited may have gone away: then the core is better used for the next.
                if !answer.is_closed() {
                    drop(answer.send(work(&hashers, scratch)));
                }
            }));
        }
        self.queue.wake.notify_one();
        wait.await
            .map_err(|_| Failure::new("a hash was given up").into())
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.wake.notify_all();
    }
}

fn work(queue: &Queue) {
    let mut scratch = Scratch::default();
    loop {
        let job = {
            let mut jobs = queue.lock();
            loop {
                if let Some(job) = jobs.waiting.pop_front() {
                    break job;
                }
                if jobs.closed {
                    return;
                }
                jobs = queue
                    .wake
                    .wait(jobs)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        };
        let run = std::panic::AssertUnwindSafe(|| job(&mut scratch));
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("a hash panicked");
            scratch = Scratch::default();
        }
    }
}
