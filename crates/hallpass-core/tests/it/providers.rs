//! Every provider of the catalogue, played against a server that answers in its shape.
//!
//! A description's addresses are turned to one loopback server: `https://api.example.com/me` is asked for there as
//! `/api.example.com/me`. What it is asked and what it answers stands in `tests/data/providers/<id>.json`.

mod play;
mod sample;

use std::collections::BTreeSet;

use hallpass_core::providers::{Catalogue, Fault, Kind};
use serde_json::json;

use play::{Play, Turn, outbound};
use sample::{Sample, descriptions, samples};

/// Fails with all faults, one a line.
#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The samples of what `oauth2` speaks to.
fn oauth2() -> Vec<Sample> {
    let catalogue = Catalogue::load(None).unwrap();
    let is = |id: &str| catalogue.get(id).is_some_and(|it| it.kind == Kind::OAuth2);
    let found: Vec<Sample> = samples().into_iter().filter(|it| is(&it.id)).collect();
    assert!(found.len() > 100, "{} samples", found.len());
    found
}

#[test]
fn every_file_has_a_sample_and_every_sample_a_file() {
    let files: BTreeSet<String> = descriptions().into_iter().map(|(id, _)| id).collect();
    let samples: BTreeSet<String> = samples().into_iter().map(|it| it.id).collect();
    assert_eq!(files, samples);
    let catalogue = Catalogue::load(None).unwrap();
    assert_eq!(catalogue.all().count(), files.len());
    assert_eq!(files.len(), 123);
}

#[test]
fn every_uid_is_said_to_be_for_good_or_mutable() {
    let catalogue = Catalogue::load(None).unwrap();
    let mutable: Vec<&str> = catalogue
        .all()
        .filter(|it| {
            it.account
                .as_ref()
                .is_some_and(|account| account.is_mutable())
        })
        .map(|it| it.id.as_str())
        .collect();
    let expected = [
        "agave",
        "bitly",
        "drip",
        "exist",
        "hubic",
        "jupyterhub",
        "mailcow",
        "openid",
        "pocket",
    ];
    assert_eq!(mutable, expected);
}

#[tokio::test]
async fn every_provider_leads_to_the_person() {
    let outbound = outbound();
    let mut faults = Vec::new();
    for sample in oauth2() {
        let play = Play::start(&sample, &outbound, Turn::Good).await;
        let found = play.sign_in().await;
        faults.extend(play.faults());
        match found {
            Ok(found) => faults.extend(play.differences(&found.profile)),
            Err(fault) => faults.push(format!("{}: {fault:?}", sample.id)),
        }
    }
    none(&faults);
}

#[test]
fn the_samples_of_other_protocols_give_what_they_expect() {
    let catalogue = Catalogue::load(None).unwrap();
    let outbound = outbound();
    let mut faults = Vec::new();
    let mut count = 0;
    for sample in samples() {
        let provider = catalogue.get(&sample.id).unwrap();
        if matches!(provider.kind, Kind::OAuth2 | Kind::Dummy) {
            continue;
        }
        count += 1;
        match play::read_offline(provider, &outbound, &sample) {
            Ok(profile) => faults.extend(sample.differences(&profile)),
            Err(fault) => faults.push(format!("{}: {fault:?}", sample.id)),
        }
    }
    none(&faults);
    assert!(count > 10);
}

/// Signs in by every provider, where something goes wrong, and names those where that has not the right consequence.
async fn all_end_so(turn: Turn, right: impl Fn(&Fault) -> bool) {
    let outbound = outbound();
    let mut faults = Vec::new();
    for sample in oauth2() {
        if !turn.concerns(&sample) {
            continue;
        }
        let play = Play::start(&sample, &outbound, turn.clone()).await;
        match play.sign_in().await {
            Err(fault) if right(&fault) => {}
            other => {
                let shown = other.map(|found| found.profile.uid);
                faults.push(format!("{} {turn:?}: {shown:?}", sample.id));
            }
        }
    }
    none(&faults);
}

#[tokio::test]
async fn nobody_is_anybody_without_a_uid() {
    for nothing in [None, Some(json!(null)), Some(json!(""))] {
        let invalid = |fault: &Fault| matches!(fault, Fault::Invalid(_));
        all_end_so(Turn::Uid(nothing), invalid).await;
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_unavailable() {
    let unavailable = |fault: &Fault| matches!(fault, Fault::Unavailable(_));
    all_end_so(Turn::TokenStatus(503), unavailable).await;
    all_end_so(Turn::ProfileStatus(500), unavailable).await;
}

#[tokio::test]
async fn a_provider_that_says_no_is_believed() {
    let denied = |fault: &Fault| matches!(fault, Fault::Denied(_));
    all_end_so(Turn::TokenStatus(400), denied).await;
    all_end_so(Turn::ProfileStatus(401), denied).await;
}

#[tokio::test]
async fn an_answer_without_a_token_leads_nowhere() {
    let nowhere = |fault: &Fault| matches!(fault, Fault::Invalid(_) | Fault::Denied(_));
    all_end_so(Turn::NoToken, nowhere).await;
    all_end_so(Turn::TokenError, nowhere).await;
}

#[tokio::test]
async fn answers_that_are_no_json_or_another_kind_lead_nowhere() {
    let nowhere = |fault: &Fault| matches!(fault, Fault::Invalid(_) | Fault::Denied(_));
    for body in ["", "<html>", "[]", "7", "null", "{\"a\":", "\"text\""] {
        all_end_so(Turn::TokenBody(body), nowhere).await;
        all_end_so(Turn::ProfileBody(body), nowhere).await;
    }
}

#[tokio::test]
async fn whoever_says_no_has_cancelled() {
    all_end_so(Turn::Cancelled, |fault| *fault == Fault::Cancelled).await;
}

#[tokio::test]
async fn a_token_that_a_client_has_counts_only_where_it_is_told_to_be_for_us() {
    let catalogue = Catalogue::load(None).unwrap();
    let outbound = outbound();
    let mut faults = Vec::new();
    let mut count = 0;
    for sample in oauth2() {
        let provider = catalogue.get(&sample.id).unwrap();
        let play = Play::start(&sample, &outbound, Turn::Handed("client-1")).await;
        let found = play.hand_over().await;
        let Some(audience) = &provider.audience else {
            // A signed token of EVE Online is looked into; this one is none.
            if !matches!(found, Err(Fault::Misconfigured(_) | Fault::Invalid(_))) {
                faults.push(format!("{}: it was taken", sample.id));
            }
            continue;
        };
        count += 1;
        match found {
            Ok(found) if json!(found.profile.uid) == *sample.at("/expected/uid") => {}
            other => faults.push(format!("{}: {other:?}", sample.id)),
        }
        if audience.url.is_none() {
            continue;
        }
        for app in ["", "client-2", "client-1 "] {
            let play = Play::start(&sample, &outbound, Turn::Handed(app)).await;
            let found = play.hand_over().await;
            if !matches!(found, Err(Fault::Invalid(_))) {
                faults.push(format!("{}: a token for {app:?}: {found:?}", sample.id));
            }
        }
    }
    none(&faults);
    assert_eq!(count, 16);
}
