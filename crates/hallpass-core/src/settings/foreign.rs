//! Names that are none of ours: what to say of them.

/// Prefixes under which an unknown name in the environment is a mistake and not somebody else's.
const OUR_PREFIXES: [&str; 14] = [
    "ACCOUNT_",
    "SESSION_",
    "CSRF_",
    "EMAIL_",
    "SECURE_",
    "ALLAUTH_",
    "HALLPASS_",
    "SOCIALACCOUNT_",
    "MFA_",
    "HEADLESS_",
    "SESAME_",
    "USERSESSIONS_",
    "REST_AUTH",
    "SIMPLE_JWT",
];

/// Names of others under our prefixes: desktops, and what our own tests and the command line read.
const OTHERS: [&str; 5] = [
    "SESSION_MANAGER",
    "SESSION_ID",
    "SESSION_TYPE",
    "HALLPASS_SETTINGS",
    "HALLPASS_TEST",
];

/// Prefixes of settings that Django's packages have and this version does not act on.
const PLANNED: [(&str, &str); 13] = [
    ("ACCOUNT_", "allauth"),
    ("SOCIALACCOUNT_", "allauth"),
    ("MFA_", "allauth"),
    ("HEADLESS_", "allauth"),
    ("USERSESSIONS_", "allauth"),
    ("ALLAUTH_", "allauth"),
    ("SESAME_", "django-sesame"),
    ("REST_AUTH", "dj-rest-auth"),
    ("SIMPLE_JWT", "simplejwt"),
    ("SESSION_", "Django"),
    ("CSRF_", "Django"),
    ("EMAIL_", "Django"),
    ("SECURE_", "Django"),
];

/// What to say of an unknown name in the environment; nothing if it is not ours to judge.
pub(super) fn unknown_in_environment(name: &str, known: Vec<&'static str>) -> Option<String> {
    let ours = OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let others = OTHERS.contains(&name)
        || name.starts_with("HALLPASS_TEST_")
        || name.starts_with("SESSION_MANAGER");
    (ours && !others).then(|| unknown(name, known))
}

/// What to say of an unknown name.
pub(super) fn unknown(name: &str, known: Vec<&'static str>) -> String {
    let upper = name.to_uppercase();
    let nearest = known
        .into_iter()
        .map(|one| (distance(&upper, one), one))
        .min();
    if let Some((distance, one)) = nearest
        && distance <= 3
    {
        return format!("is unknown; did you mean {one}?");
    }
    match PLANNED.iter().find(|(prefix, _)| upper.starts_with(prefix)) {
        Some((_, package)) => {
            format!(
                "is not a setting of this version; if it is one of {package}, remove it until it is supported"
            )
        }
        None => "is unknown; remove it (docs/src/reference/settings.md lists all)".to_owned(),
    }
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(100).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
