//! Places for requests: so many in all, and fewer to one host, so that one that hangs leaves places for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::providers::Fault;

/// Hosts are remembered while they are spoken to; past this many the idle ones are forgotten.
const MANY_HOSTS: usize = 256;

pub(super) struct Queue {
    all: Arc<Semaphore>,
    a_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Queue {
    pub(super) fn new(all: usize, a_host: usize) -> Self {
        Queue {
            all: Arc::new(Semaphore::new(all.max(1))),
            a_host: a_host.max(1),
            hosts: Mutex::default(),
        }
    }

    /// Waits for a place. First for the host's, so that those who wait for a slow one stand in nobody's way.
    pub(super) async fn enter(&self, host: String) -> Result<Place, Fault> {
        let closed = |_| Fault::Unavailable("closing down".to_owned());
        let own = self.of(host).acquire_owned().await.map_err(closed)?;
        let all = Arc::clone(&self.all).acquire_owned();
        Ok(Place {
            _host: own,
            _all: all.await.map_err(closed)?,
        })
    }

    fn of(&self, host: String) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MANY_HOSTS {
            // Whoever waits or holds a place has a hand on the semaphore.
            hosts.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = hosts
            .entry(host)
            .or_insert_with(|| Arc::new(Semaphore::new(self.a_host)));
        Arc::clone(places)
    }
}
