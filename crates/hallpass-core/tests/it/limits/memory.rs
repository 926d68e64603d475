//! Hits in memory: there is an end to how much of it they take.

use std::sync::Arc;

use hallpass_core::limits::Memory;
use hallpass_core::store::Db;

use super::*;

fn with_room(room: usize, rates: &str) -> (Arc<Memory>, Process) {
    let memory = Arc::new(Memory::with_room(room));
    let db = Db::memory().unwrap();
    let process = Process::new(rates, memory.clone(), db);
    (memory, process)
}

#[tokio::test]
async fn logs_that_count_no_more_make_room() {
    let (memory, it) = with_room(3, "2/10s/key");
    for (seconds, key) in [(0, "a"), (1, "b"), (2, "c"), (5, "a")] {
        assert_eq!(it.hit(seconds, key).await, None);
    }
    // The first to leave is the one that was hit longest ago, not the one that was begun first.
    assert_eq!(it.hit(11, "d").await, None);
    assert_eq!(memory.len(), 3);
    assert_eq!(it.hit(11, "a").await, None);
    assert_eq!(it.hit(11, "a").await, Some(5), "nothing of it was lost");
    assert_eq!(it.hit(12, "e").await, None);
    assert_eq!(memory.len(), 3);
}

#[tokio::test]
async fn logs_that_count_are_not_pushed_out() {
    let (memory, it) = with_room(3, "1/10s/key");
    for key in ["victim", "b", "c"] {
        assert_eq!(it.hit(0, key).await, None);
    }
    for index in 0..1_000 {
        let key = format!("made-up-{index}");
        let failure = it.try_hit(9, by("192.0.2.1", &key)).await.unwrap_err();
        assert!(failure.is_unavailable());
    }
    assert_eq!(memory.len(), 3);
    assert_eq!(it.hit(9, "victim").await, Some(2), "still counted");
    assert_eq!(it.hit(10, "made-up").await, None);
    assert_eq!(memory.len(), 1);
}

#[tokio::test]
async fn a_hit_taken_back_leaves_no_empty_log() {
    let (memory, it) = with_room(1, "1/10s/key");
    for key in ["a", "b", "c"] {
        let hits = it.keep(0, key).await;
        assert_eq!(memory.len(), 1);
        it.take_back(hits).await;
        assert!(memory.is_empty());
    }
}

#[tokio::test]
async fn cleaning_up_drops_what_has_ended_and_nothing_else() {
    let (memory, it) = with_room(9, "1/10s/key,1/m/ip");
    assert_eq!(it.hit(0, "a").await, None);
    assert_eq!(memory.len(), 2);
    let at = START + Duration::from_secs(10);
    it.limits.clear_expired(&it.db, at).await.unwrap();
    assert_eq!(memory.len(), 1, "the longer window");
    assert_eq!(it.hit(11, "a").await, Some(50));
}
