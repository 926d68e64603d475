//! Documents of providers, kept for a while: key sets and discovery.
//!
//! One is fetched once however many ask for it at the same time, and again when it is old. Whoever sends us tokens with
//! keys that nobody has must not make us hammer the provider: a document that lacks something is fetched again at most once
//! a minute. While the provider is down the last one that it gave goes on, for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Fault;
use crate::domain::Timestamp;

/// As long as a document is not asked for again. A key that a provider withdrew is believed for no longer, unless the
/// provider is down.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// As long as a document is used while its provider is down.
const USABLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two attempts where there is a document, be it old or lacking something.
const PAUSE: Duration = Duration::from_secs(60);

/// Between two attempts where there is none.
const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// Addresses come from settings and from documents; more are not kept.
const MANY: usize = 256;

/// Documents by their addresses.
pub(super) struct Kept<T> {
    entries: Mutex<HashMap<String, Arc<Entry<T>>>>,
}

struct Entry<T> {
    state: Mutex<State<T>>,
    /// Whoever holds it fetches; the others wait for what comes.
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    document: Option<(Arc<T>, Timestamp)>,
    /// When it was last fetched because it was old, and when because it lacked something.
    renewed: Option<Timestamp>,
    completed: Option<Timestamp>,
    failed: Option<(Fault, Timestamp)>,
}

/// What is to be done.
enum Step<T> {
    Use(Arc<T>),
    Give(Fault),
    Fetch,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept {
            entries: Mutex::default(),
        }
    }
}

impl<T> Kept<T> {
    /// The document at `address`. `has`: whether it has what is wanted; if a fresh one does not, another is fetched, but what
    /// is given may still lack it.
    ///
    /// # Errors
    /// What `fetch` says, if there is nothing to go on with.
    pub(super) async fn get(
        &self,
        address: &str,
        now: Timestamp,
        has: impl Fn(&T) -> bool,
        fetch: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Arc<T>, Fault> {
        let entry = self.entry(address);
        if let Some(document) = entry.good(now, &has) {
            return Ok(document);
        }
        let _turn = entry.turn.lock().await;
        // Somebody may have fetched it while we waited for our turn.
        if let Some(document) = entry.good(now, &has) {
            return Ok(document);
        }
        // Dropped before `_turn`, so that whoever is next finds it taken back.
        let noted = Noted::of(&entry);
        let step = entry.state().step(now);
        match step {
            Step::Use(document) => {
                noted.keep();
                return Ok(document);
            }
            Step::Give(fault) => return Err(fault),
            Step::Fetch => {}
        }
        let fetched = fetch.await;
        noted.keep();
        entry.state().take(fetched, now)
    }

    fn entry(&self, address: &str) -> Arc<Entry<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MANY && !entries.contains_key(address) {
            let oldest = entries
                .iter()
                .min_by_key(|(_, entry)| entry.state().document.as_ref().map(|(_, at)| *at))
                .map(|(address, _)| address.clone());
            oldest.and_then(|oldest| entries.remove(&oldest));
        }
        let entry = entries.entry(address.to_owned()).or_insert_with(|| {
            Arc::new(Entry {
                state: Mutex::new(State {
                    document: None,
                    renewed: None,
                    completed: None,
                    failed: None,
                }),
                turn: tokio::sync::Mutex::default(),
            })
        });
        Arc::clone(entry)
    }
}

/// Takes back that a fetch began, unless it came to an end: a stranger who leaves in the middle would else see to it that
/// nobody fetches for a minute, and so again and again, while keys go on that the provider has withdrawn.
struct Noted<'a, T> {
    entry: &'a Entry<T>,
    before: Option<(Option<Timestamp>, Option<Timestamp>)>,
}

impl<'a, T> Noted<'a, T> {
    fn of(entry: &'a Entry<T>) -> Self {
        let state = entry.state();
        let before = Some((state.renewed, state.completed));
        Noted { entry, before }
    }

    fn keep(mut self) {
        self.before = None;
    }
}

impl<T> Drop for Noted<'_, T> {
    fn drop(&mut self) {
        if let Some((renewed, completed)) = self.before {
            let mut state = self.entry.state();
            (state.renewed, state.completed) = (renewed, completed);
        }
    }
}

impl<T> Entry<T> {
    fn state(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document, if it is fresh and has what is wanted.
    fn good(&self, now: Timestamp, has: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let (document, at) = self.state().document.clone()?;
        (now.since(at) < FRESH && has(&document)).then_some(document)
    }
}

impl<T> State<T> {
    /// Decides where the document is old or lacks something, and notes that a fetch begins.
    fn step(&mut self, now: Timestamp) -> Step<T> {
        let waits = |last: Option<Timestamp>, pause| last.is_some_and(|at| now.since(at) < pause);
        let usable = self
            .document
            .as_ref()
            .filter(|(_, at)| now.since(*at) < USABLE);
        let Some((document, at)) = usable else {
            return match &self.failed {
                Some((fault, at)) if now.since(*at) < SHORT_PAUSE => Step::Give(fault.clone()),
                _ => Step::Fetch,
            };
        };
        let document = Arc::clone(document);
        let reason = match now.since(*at) < FRESH {
            true => &mut self.completed,
            false => &mut self.renewed,
        };
        if waits(*reason, PAUSE) {
            return Step::Use(document);
        }
        *reason = Some(now);
        Step::Fetch
    }

    /// Keeps what came, or goes on with what was there.
    fn take(&mut self, fetched: Result<T, Fault>, now: Timestamp) -> Result<Arc<T>, Fault> {
        match fetched {
            Ok(document) => {
                let document = Arc::new(document);
                self.document = Some((Arc::clone(&document), now));
                self.failed = None;
                Ok(document)
            }
            Err(fault) => {
                self.failed = Some((fault.clone(), now));
                match &self.document {
                    Some((document, at)) if now.since(*at) < USABLE => Ok(Arc::clone(document)),
                    _ => Err(fault),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_227_368 + seconds)
    }

    /// A provider whose document is a number; it is asked, and counts.
    #[derive(Default)]
    struct Provider {
        asked: AtomicUsize,
        number: AtomicUsize,
        down: std::sync::atomic::AtomicBool,
    }

    impl Provider {
        async fn fetch(&self) -> Result<usize, Fault> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            match self.down.load(Ordering::SeqCst) {
                true => Err(Fault::Unavailable("down".to_owned())),
                false => Ok(self.number.load(Ordering::SeqCst)),
            }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn many_at_once_fetch_once() {
        let (kept, provider) = (Kept::default(), Provider::default());
        let ask = || kept.get("a", at(0), |_| true, provider.fetch());
        let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
        for got in [a, b, c, d] {
            assert_eq!(*got.expect("a document"), 0);
        }
        assert_eq!(provider.asked(), 1);
        let other = kept.get("b", at(0), |_| true, provider.fetch()).await;
        assert_eq!(*other.expect("a document"), 0);
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test]
    async fn many_at_once_fail_once() {
        let (kept, provider) = (Kept::default(), Provider::default());
        provider.down.store(true, Ordering::SeqCst);
        let ask = |now| kept.get("a", now, |_| true, provider.fetch());
        let (a, b, c) = tokio::join!(ask(at(0)), ask(at(0)), ask(at(0)));
        assert!(a.is_err() && b.is_err() && c.is_err());
        assert_eq!(provider.asked(), 1);
        assert!(ask(at(4)).await.is_err());
        assert_eq!(provider.asked(), 1);
        provider.down.store(false, Ordering::SeqCst);
        assert!(ask(at(5)).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_lacking_is_fetched_once_a_minute() {
        let (kept, provider) = (Kept::default(), Provider::default());
        let ask = |now, wanted| kept.get("a", now, move |it| *it == wanted, provider.fetch());
        assert_eq!(*ask(at(0), 0).await.expect("a document"), 0);
        // The provider turned to new keys right after we had asked: one more look at once …
        provider.number.store(1, Ordering::SeqCst);
        assert_eq!(*ask(at(1), 1).await.expect("a document"), 1);
        assert_eq!(provider.asked(), 2);
        // … and no third, whatever a stranger sends.
        for second in 1..61 {
            assert_eq!(*ask(at(second), 99).await.expect("a document"), 1);
        }
        assert_eq!(provider.asked(), 2);
        assert_eq!(*ask(at(61), 99).await.expect("a document"), 1);
        assert_eq!(provider.asked(), 3);
        // Who asks for what is there never waits for any of that.
        assert_eq!(*ask(at(62), 1).await.expect("a document"), 1);
        assert_eq!(provider.asked(), 3);
    }

    #[tokio::test]
    async fn an_old_document_goes_on_while_the_provider_is_down() {
        let (kept, provider) = (Kept::default(), Provider::default());
        let ask = |now| kept.get("a", now, |it| *it < 9, provider.fetch());
        assert_eq!(*ask(at(0)).await.expect("a document"), 0);
        assert_eq!(*ask(at(3599)).await.expect("a document"), 0);
        assert_eq!(provider.asked(), 1);
        provider.down.store(true, Ordering::SeqCst);
        provider.number.store(1, Ordering::SeqCst);
        assert_eq!(*ask(at(3600)).await.expect("a document"), 0);
        assert_eq!(*ask(at(3601)).await.expect("a document"), 0);
        assert_eq!(provider.asked(), 2);
        assert_eq!(*ask(at(24 * 3600 - 1)).await.expect("a document"), 0);
        assert!(ask(at(24 * 3600)).await.is_err());
        provider.down.store(false, Ordering::SeqCst);
        assert_eq!(*ask(at(24 * 3600 + 5)).await.expect("a document"), 1);
    }

    #[tokio::test]
    async fn whoever_gives_up_holds_nobody_up() {
        let (kept, provider) = (Kept::default(), Provider::default());
        let hanging = kept.get("a", at(0), |_| true, std::future::pending());
        let short = Duration::from_millis(20);
        assert!(tokio::time::timeout(short, hanging).await.is_err());
        let next = kept.get("a", at(0), |_| true, provider.fetch()).await;
        assert_eq!(*next.expect("a document"), 0);
    }

    #[tokio::test]
    async fn whoever_leaves_in_the_middle_of_a_fetch_leaves_no_pause_behind() {
        let (kept, provider) = (Kept::default(), Provider::default());
        let first = kept.get("a", at(0), |_| true, provider.fetch()).await;
        assert_eq!(*first.expect("a document"), 0);
        provider.number.store(1, Ordering::SeqCst);
        for (second, wanted) in [(1, 1), (3601, 2)] {
            let has = move |it: &usize| *it == wanted;
            provider.number.store(wanted, Ordering::SeqCst);
            let leaving = kept.get("a", at(second), has, std::future::pending());
            let short = Duration::from_millis(20);
            assert!(tokio::time::timeout(short, leaving).await.is_err());
            let next = kept.get("a", at(second), has, provider.fetch()).await;
            assert_eq!(*next.expect("a document"), wanted);
        }
        assert_eq!(provider.asked(), 3);
    }

    #[tokio::test]
    async fn addresses_that_come_and_go_do_not_pile_up() {
        let (kept, provider) = (Kept::default(), Provider::default());
        for number in 0..1000 {
            let address = format!("https://idp.example/{number}");
            let got = kept
                .get(&address, at(number), |_| true, provider.fetch())
                .await;
            assert!(got.is_ok());
        }
        assert_eq!(kept.entries.lock().expect("entries").len(), MANY);
    }
}
