//! Defaults, the file over them, the environment over both: who wins, and that it is remembered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;
use transship_alert::Security;
use transship_config::{AlertsConfig, Origin, SolgateConfig};

/// A setting: its key and the file's value, its variables, the newest first, and their values.
type Setting = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SETTINGS: [Setting; 5] = [
    (
        "alerts_smtp_server",
        "file.example",
        &[("SMTP_SERVER", "new.example:2525"), ("ALERT_EMAIL_SMTP_SERVER", "old.example")],
    ),
    ("alerts_smtp_security", "none", &[("SMTP_SECURITY", "StartTLS")]),
    ("alerts_smtp_ca_bundle", "certs/file.pem", &[("SMTP_CA_BUNDLE", "certs/variable.pem")]),
    ("alerts_from", "file@x.org", &[("ALERT_SENDER", "new@x.org"), ("ALERT_FROM_EMAIL", "old@x.org")]),
    ("alerts_to", "a@file,b@file", &[("ALERT_RECIPIENT", "a@new; b@new"), ("ALERT_TO_EMAIL_LIST", "a@old,b@old,")]),
];

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn from_file(name: &str, lines: &[String]) -> AlertsConfig {
    let ends = match name.rsplit('.').next() {
        Some("ini") => "[source]\nbase_path = in\n[destination]\nbase_path = out\n",
        _ => "source: {base_path: in}\ndestinations: [{base_path: out}]\n",
    };
    let text = format!("{}\n{ends}", lines.join("\n"));
    SolgateConfig::from_text(Path::new(name), &text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}")).alerts
}

/// The winner's value, as it was written, and its origin; `None` for the default.
fn winner(
    setting: &Setting,
    line: Option<usize>,
    file: &str,
    environment: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let (_, written, names) = setting;
    let set = names.iter().find_map(|(name, _)| {
        let value = environment.get(*name).filter(|value| !value.is_empty())?;
        Some((value.clone(), (*name).to_owned()))
    });
    set.or_else(|| line.map(|line| ((*written).to_owned(), format!("{file}:{line}"))))
}

proptest! {
    #[test]
    fn each_setting_is_taken_from_the_topmost_layer_that_has_it(
        written in prop::array::uniform5(any::<bool>()),
        set in prop::collection::vec(0..3_u8, 8),
        yaml in any::<bool>(),
    ) {
        let file = if yaml { "/x/c.yaml" } else { "/x/c.ini" };
        let mut lines = vec![if yaml { "# general".to_owned() } else { "[solgate]".to_owned() }];
        let mut at = [None; 5];
        for ((index, (key, value, _)), _) in SETTINGS.iter().enumerate().zip(written).filter(|(_, written)| *written) {
            lines.push(format!("{key}{} {value}", if yaml { ":" } else { " =" }));
            at[index] = Some(lines.len());
        }
        // Each variable is unset, empty or has its value.
        let names = SETTINGS.iter().flat_map(|(_, _, names)| names.iter());
        let environment: BTreeMap<_, _> = names.zip(set).filter(|(_, set)| *set > 0).map(|((name, value), set)| {
            ((*name).to_owned(), if set == 1 { String::new() } else { (*value).to_owned() })
        }).collect();

        let alerts = from_file(file, &lines).with_variables(&environment).unwrap();
        let default = AlertsConfig::default();
        let winner = |index: usize| winner(&SETTINGS[index], at[index], file, &environment);
        let said = |value: String, origin: &Origin| (*origin != Origin::Default).then(|| (value, origin.to_string()));

        prop_assert_eq!(said(alerts.server.value.clone(), &alerts.server.origin), winner(0));
        prop_assert_eq!(said(alerts.from.value.clone(), &alerts.from.origin), winner(3));
        let split = |(list, origin): (String, String)| {
            let list = list.split([',', ';']).map(str::trim).filter(|one| !one.is_empty()).collect::<Vec<_>>();
            (list.join(","), origin)
        };
        prop_assert_eq!(said(alerts.to.value.join(","), &alerts.to.origin), winner(4).map(split));
        let security = winner(1).map(|(value, origin)| (value.to_lowercase(), origin));
        prop_assert_eq!(said(alerts.security.value.to_string(), &alerts.security.origin), security);
        let bundle = winner(2).map(|(path, origin)| if origin.starts_with(file) { format!("/x/{path}") } else { path });
        prop_assert_eq!(alerts.ca_bundle.as_deref(), bundle.as_deref().map(Path::new));
        for (index, kept) in [(0, alerts.server == default.server), (3, alerts.from == default.from), (4, alerts.to == default.to)] {
            prop_assert_eq!(kept, winner(index).is_none());
        }
    }
}

#[test]
fn the_last_layer_laid_over_wins() {
    let alerts = from_file("c.ini", &["[solgate]".into(), "alerts_from = a@file".into()]);
    let alerts = alerts.with_variables(&variables(&[("ALERT_SENDER", "b@env"), ("SMTP_SERVER", "env")])).unwrap();
    let alerts = alerts.with_variables(&variables(&[("ALERT_FROM_EMAIL", "c@flag")])).unwrap();
    assert_eq!((alerts.from.value.as_str(), alerts.server.value.as_str()), ("c@flag", "env"));
    assert_eq!(alerts.clone().with_variables(&BTreeMap::new()).unwrap(), alerts);
}

#[test]
fn a_login_stays_with_its_user_and_its_server() {
    let file = ["[solgate]", "alerts_smtp_server = mail", "alerts_smtp_username = u", "alerts_smtp_password = p"];
    let file = from_file("c.ini", &file.map(str::to_owned));
    let user = |name| ("SMTP_USERNAME", name);
    let (word, same, other) = (("SMTP_PASSWORD", "canary"), ("SMTP_SERVER", "mail"), ("SMTP_SERVER", "elsewhere"));
    for (alerts, set, expected) in [
        (&file, vec![], Some(("u", "p"))),
        (&file, vec![same], Some(("u", "p"))),
        (&file, vec![other], None),
        (&file, vec![user("u")], Some(("u", "p"))),
        (&file, vec![user("v")], Some(("v", ""))),
        (&file, vec![word], Some(("u", "canary"))),
        (&file, vec![other, user("u")], Some(("u", ""))),
        (&file, vec![other, user("v"), word], Some(("v", "canary"))),
        (&AlertsConfig::default(), vec![user("v"), word], Some(("v", "canary"))),
        (&AlertsConfig::default(), vec![], None),
    ] {
        let layered = alerts.clone().with_variables(&variables(&set)).unwrap();
        let login = layered.login.as_ref().map(|login| (login.value.0.as_str(), login.value.1.expose()));
        assert_eq!(login, expected, "{set:?}");
        assert!(!format!("{layered:?} {layered:#?}").contains("canary"));
    }
    let error = file.with_variables(&variables(&[other, word])).unwrap_err();
    assert_eq!(error.to_string(), "SMTP_PASSWORD: a password without a user: expected SMTP_USERNAME beside it");
}

#[test]
fn an_error_names_the_layer_that_it_comes_from() {
    let error = |set: &[(&str, &str)]| {
        let file = ["[solgate]", "alerts_smtp_server = smtps://mail"].map(str::to_owned);
        from_file("c.ini", &file).with_variables(&variables(set)).unwrap_err()
    };
    let wrong = error(&[("SMTP_SECURITY", "tsl")]);
    assert_eq!(
        wrong.to_string(),
        "SMTP_SECURITY: found \"tsl\": expected auto, none, starttls or tls (did you mean tls?)"
    );
    assert_eq!((wrong.key(), wrong.file(), wrong.line()), (Some("SMTP_SECURITY"), None, None));
    let wrong = error(&[("ALERT_SENDER", "nobody")]);
    assert_eq!(wrong.to_string(), "ALERT_SENDER: found \"nobody\": expected a mail address");
    let wrong = error(&[("ALERT_TO_EMAIL_LIST", " , ;")]);
    assert_eq!(wrong.to_string(), "ALERT_TO_EMAIL_LIST: no address: expected mail addresses, with , or ; between them");
    let wrong = error(&[("SMTP_SECURITY", "none")]);
    assert_eq!((wrong.file(), wrong.line()), (Some(Path::new("c.ini")), Some(2)));
    assert_eq!((wrong.section(), wrong.key()), (Some("solgate"), Some("alerts_smtp_server")));
    let wrong = error(&[("SMTP_SERVER", "smtp://me:canary@mail")]).to_string();
    assert!(wrong.starts_with("SMTP_SERVER: ") && !wrong.contains("canary"), "{wrong}");
}

#[test]
fn each_recipient_of_a_list_is_an_error_on_its_own_line() {
    let text = "alerts_to:\n- a@x.org\n- nobody\nsource: {base_path: in}\ndestinations: [{base_path: out}]\n";
    let error = SolgateConfig::from_text(Path::new("c.yaml"), text, &BTreeMap::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "c.yaml:3:3: [general] alerts_to: found \"nobody\": expected mail addresses, with , or ; between them"
    );
}

#[test]
fn general_keys_may_stand_on_top_and_in_their_own_table() {
    let text = "alerts_from: a@x.org\nsolgate: {alerts_smtp_security: starttls}\nsource: {base_path: in}\ndestinations: [{base_path: out}]\n";
    let alerts = SolgateConfig::from_text(Path::new("c.yaml"), text, &BTreeMap::new()).unwrap().alerts;
    assert_eq!((alerts.from.value.as_str(), alerts.security.value), ("a@x.org", Security::StartTls));
}
