//! Every page in all its variants: it renders where an undefined name is an error, and can be used by ear and keyboard.

mod markup;
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Environment;
use serde_json::{Value, json};

use super::{EMBEDDED, environment};
use markup::{Element, read};
use samples::{HOSTILE, Sample, samples, shared};

/// All pages, each with what it was given. Every sample is laid over a bare and a full frame, and shown once as it is and
/// with every way of being wrong.
fn every_page(mut look: impl FnMut(&str, &Value, &str)) {
    let environment = environment(None, &[]).unwrap();
    for sample in samples() {
        for own in sample.variants() {
            for frame in ["bare", "full"] {
                let mut context = shared(frame == "full");
                for (key, value) in own.as_object().unwrap() {
                    context[key] = value.clone();
                }
                for context in faults(context) {
                    look(
                        sample.name,
                        &context,
                        &render(&environment, &sample, &context),
                    );
                }
            }
        }
    }
}

fn render(environment: &Environment<'_>, sample: &Sample, context: &Value) -> String {
    environment
        .get_template(sample.name)
        .unwrap()
        .render(minijinja::Value::from(minijinja::value::Serde(context)))
        .unwrap_or_else(|error| panic!("{}: {error:#}\n{context:#}", sample.name))
}

/// The context as it is; with the whole wrong; with each field wrong; with all of it wrong.
fn faults(context: Value) -> Vec<Value> {
    let names: Vec<String> = fields(&context)
        .into_iter()
        .filter(|(_, field)| field["type"] != "hidden")
        .map(|(name, _)| name)
        .collect();
    let wrong = |names: &[String], whole: bool| {
        let mut context = context.clone();
        for name in names {
            context["form"]["fields"][name]["errors"] = json!([
                format!("No {} is wrong.", name.len()),
                format!("{HOSTILE} too.")
            ]);
        }
        if whole {
            context["form"]["errors"] = json!([format!("{HOSTILE} is wrong.")]);
        }
        context
    };
    let mut all = vec![context.clone()];
    if context["form"].is_object() {
        all.push(wrong(&[], true));
        all.extend(
            names
                .iter()
                .map(|name| wrong(std::slice::from_ref(name), false)),
        );
        all.push(wrong(&names, false));
        all.push(wrong(&names, true));
    }
    all
}

fn fields(context: &Value) -> BTreeMap<String, Value> {
    let fields = context["form"]["fields"].as_object();
    fields
        .into_iter()
        .flatten()
        .filter(|(_, field)| field.is_object())
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect()
}

#[test]
fn every_template_is_embedded_and_has_a_sample() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut files = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy();
                files.insert(name.replace('\\', "/"));
            }
        }
    }
    let embedded: BTreeSet<String> = EMBEDDED
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(files, embedded);
    let pages: BTreeSet<String> = embedded
        .into_iter()
        .filter(|name| !name.starts_with("layouts/") && !name.starts_with("elements/"))
        .collect();
    let sampled: BTreeSet<String> = samples().iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(pages, sampled);
}

#[test]
fn every_page_is_a_document() {
    every_page(|name, _, text| {
        let all = read(text).unwrap_or_else(|fault| panic!("{name}: {fault}\n{text}"));
        let count = |tag: &str| all.iter().filter(|it| it.name == tag).count();
        assert_eq!(
            (count("h1"), count("main"), count("title")),
            (1, 1, 1),
            "{name}\n{text}"
        );
        let html = all.iter().find(|it| it.name == "html").unwrap();
        assert!(html.has("lang") && html.has("dir"), "{name}");
        let mut level = 0;
        for element in &all {
            let ours =
                element.name == "script" && element.get("src").starts_with("/accounts/static/");
            assert!(
                (ours || !["script", "style", "iframe"].contains(&element.name.as_str()))
                    && !element
                        .attributes
                        .keys()
                        .any(|key| key == "style" || key.starts_with("on")),
                "{name}: the content security policy forbids this {element:?}"
            );
            if let Some(own) = element
                .name
                .strip_prefix('h')
                .and_then(|it| it.parse::<u8>().ok())
            {
                assert!(own <= level + 1, "{name}: a heading skips a level\n{text}");
                assert!(
                    !element.text.trim().is_empty(),
                    "{name}: an empty heading\n{text}"
                );
                level = own;
            }
            if element.name == "button" || element.name == "summary" || element.has("href") {
                let said = element.text.trim();
                let pictured = element.name == "a" && all.iter().any(|it| it.name == "img");
                assert!(
                    !said.is_empty() || pictured || element.name == "link",
                    "{name}: {element:?}"
                );
            }
            for key in ["href", "action"] {
                if let Some(to) = element.attributes.get(key) {
                    assert!(
                        to.starts_with(['/', '#'])
                            || to.starts_with("mailto:")
                            || to.starts_with("https:"),
                        "{name}: {element:?}"
                    );
                }
            }
        }
    });
}

#[test]
fn what_belongs_together_is_tied_together() {
    every_page(|name, _, text| {
        let all = read(text).unwrap();
        let mut ids = BTreeSet::new();
        for id in all.iter().filter_map(|it| it.attributes.get("id")) {
            assert!(
                ids.insert(id.as_str()),
                "{name}: two elements are called {id}\n{text}"
            );
        }
        for element in &all {
            let to = ["for", "aria-describedby", "aria-labelledby"].map(|key| element.get(key));
            let inside = element.get("href").strip_prefix('#').unwrap_or_default();
            let mut named = to
                .iter()
                .flat_map(|ids| ids.split_whitespace())
                .chain(inside.split_whitespace());
            assert!(
                named.all(|id| ids.contains(id)),
                "{name}: {element:?} leads nowhere\n{text}"
            );
        }
        for field in all.iter().filter(|it| it.is_field()) {
            let label = all
                .iter()
                .find(|it| it.name == "label" && it.get("for") == field.get("id"));
            assert!(
                label.is_some_and(|it| !it.text.trim().is_empty()),
                "{name}: no label for {field:?}"
            );
            assert!(!field.has("placeholder"), "{name}: {field:?}");
        }
        let focused = all.iter().filter(|it| it.has("autofocus")).count();
        assert!(focused <= 1, "{name}: {focused} ask for the focus\n{text}");
    });
}

#[test]
fn what_is_wrong_is_said_beside_its_field_and_on_top() {
    every_page(|name, context, text| {
        let all = read(text).unwrap();
        let shown = fields(context);
        let wrong: Vec<&Value> = shown
            .values()
            .filter(|field| field["errors"].as_array().is_some_and(|it| !it.is_empty()))
            .filter(|field| by_id(&all, field).is_some())
            .collect();
        for field in &wrong {
            let input = by_id(&all, field).unwrap();
            let id = format!("{}-error", input.get("id"));
            assert_eq!(input.get("aria-invalid"), "true", "{name}: {input:?}");
            assert!(
                input.get("aria-describedby").split(' ').any(|it| it == id),
                "{name}: {input:?}"
            );
            let error = all.iter().find(|it| it.get("id") == id).unwrap();
            assert!(
                error.text.contains(field["errors"][0].as_str().unwrap()),
                "{name}: {error:?}"
            );
        }
        let invalid = all.iter().filter(|it| it.has("aria-invalid")).count();
        assert_eq!(invalid, wrong.len(), "{name}\n{text}");

        let whole = context["form"]["errors"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        let summary = all.iter().find(|it| it.get("id") == "hp-summary");
        let any_form = all
            .iter()
            .any(|it| it.is_field() && it.get("aria-hidden") != "true");
        if any_form {
            assert_eq!(
                summary.is_some(),
                whole || wrong.len() > 1,
                "{name}\n{text}"
            );
        }
        if let Some(summary) = summary {
            assert!(
                summary.get("role") == "alert" && summary.has("autofocus"),
                "{name}: {summary:?}"
            );
            let linked = all
                .iter()
                .filter(|it| it.get("href").starts_with("#id_"))
                .count();
            assert_eq!(linked, wrong.len(), "{name}\n{text}");
        } else if let [field] = wrong[..] {
            assert!(
                by_id(&all, field).unwrap().has("autofocus"),
                "{name}\n{text}"
            );
        }
        let title = &all.iter().find(|it| it.name == "title").unwrap().text;
        if whole || !wrong.is_empty() {
            assert!(title.starts_with("Error: "), "{name}: {title}");
        }
    });
}

fn by_id<'a>(all: &'a [Element], field: &Value) -> Option<&'a Element> {
    all.iter()
        .find(|it| it.is_field() && it.get("id") == field["id"])
}

#[test]
fn forms_can_be_sent_and_lose_nothing() {
    every_page(|name, context, text| {
        let all = read(text).unwrap();
        for (index, form) in all.iter().enumerate().filter(|(_, it)| it.name == "form") {
            assert_eq!(form.get("method"), "post", "{name}");
            let inside: Vec<&Element> =
                all.iter().filter(|it| it.inside.contains(&index)).collect();
            let token = inside
                .iter()
                .find(|it| it.get("name") == "csrfmiddlewaretoken");
            assert!(
                token.is_some_and(|it| it.get("value") == "token"),
                "{name}\n{text}"
            );
            let by_script = all.iter().any(|it| it.name == "script");
            assert!(
                by_script
                    || inside
                        .iter()
                        .any(|it| it.name == "button" && it.get("type") == "submit"),
                "{name}"
            );
            if form.get("class") == "hp-form" {
                let action = context["form"]["action"].as_str();
                let action = action.or(context["action"].as_str()).unwrap_or_default();
                assert_eq!(form.get("action"), action, "{name}");
            }
        }
        let buttons = all
            .iter()
            .filter(|it| it.name == "button" || it.name == "a");
        let primary = buttons
            .filter(|it| it.get("class").contains("hp-primary"))
            .count();
        assert!(primary <= 1, "{name}: {primary} primary buttons\n{text}");
        for (_, field) in fields(context).iter().filter(|(name, _)| *name != "next") {
            if let Some(input) = by_id(&all, field) {
                assert!(
                    input.inside.iter().any(|at| all[*at].name == "form"),
                    "{name}: {input:?}"
                );
                let secret = field["type"] == "password";
                assert!(
                    !secret || !input.has("value"),
                    "{name}: a password is written back"
                );
            }
        }
    });
}

#[test]
fn words_are_ours_and_what_others_typed_stays_text() {
    every_page(|name, context, text| {
        assert!(!text.contains(HOSTILE), "{name}: not escaped\n{text}");
        let all = read(text).unwrap();
        let said = &all.iter().find(|it| it.name == "html").unwrap().text;
        for word in ["none", "undefined", "null"] {
            let found = said
                .split(|c: char| !c.is_alphanumeric())
                .any(|it| it == word);
            assert!(!found, "{name} says {word}: {said}\n{context}");
        }
        assert!(
            !said.contains('!') && !said.contains(" ."),
            "{name}: {said}"
        );
        assert!(
            !said.contains("email") && !said.contains("log in"),
            "{name}: {said}"
        );
    });
}
