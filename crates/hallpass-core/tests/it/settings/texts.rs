//! Numbers and texts: what of their settings is refused, beside its nearest neighbour that is not.

use hallpass_core::settings::{SmsBackend, SmsContentType};
use serde_json::Value;

use super::{environment, file, refused, value};

const URL: &str = "https://sms.example.com/messages";

#[test]
fn by_default_texts_are_printed() {
    let loaded = environment([]).unwrap();
    let s = &loaded.settings.hallpass;
    assert_eq!(s.sms_backend, SmsBackend::Console);
    assert_eq!(s.sms_content_type, SmsContentType::Json);
    assert_eq!(s.sms_timeout, 10);
    assert_eq!(value(&loaded, "HALLPASS_SMS_URL"), Value::Null);
    assert_eq!(value(&loaded, "HALLPASS_SMS_AUTHORIZATION"), Value::Null);
}

#[test]
fn a_gateway_in_the_file() {
    let text = r#"
        [hallpass]
        phone_region = "DE"
        sms_backend = "http"
        sms_url = "https://sms.example.com/messages"
        sms_authorization = "Bearer abc"
        sms_content_type = "application/x-www-form-urlencoded"
        sms_body = "From=%2B15550100&To={to}&Body={text}"
        sms_timeout = 5
    "#;
    let loaded = file(text).unwrap();
    let s = loaded.settings.hallpass;
    assert_eq!(s.sms_backend, SmsBackend::Http);
    assert_eq!(s.sms_content_type, SmsContentType::Form);
    assert_eq!(s.sms_url.unwrap().reveal(), URL);
    assert_eq!(s.sms_authorization.unwrap().reveal(), "Bearer abc");
    assert_eq!(s.phone_region.as_deref(), Some("DE"));
}

#[test]
fn a_gateway_has_an_address() {
    let http = ("HALLPASS_SMS_BACKEND", "http");
    refused(environment([http]), "HALLPASS_SMS_URL", "is not set");
    assert!(environment([http, ("HALLPASS_SMS_URL", URL)]).is_ok());
    for (url, words) in [
        ("sms.example.com", "is no URL"),
        ("ftp://sms.example.com/", "must begin with https://"),
        ("http://sms.example.com/", "on this machine"),
        ("http://192.0.2.1:8080/", "on this machine"),
        ("https://u:p@sms.example.com/", "HALLPASS_SMS_AUTHORIZATION"),
        ("https://sms.example.com/#x", "%23"),
        ("", "is empty"),
    ] {
        refused(
            environment([("HALLPASS_SMS_URL", url)]),
            "HALLPASS_SMS_URL",
            words,
        );
    }
    for url in [
        "http://localhost:8080/sms",
        "http://127.0.0.1/",
        "http://[::1]/",
    ] {
        assert!(
            environment([http, ("HALLPASS_SMS_URL", url)]).is_ok(),
            "{url}"
        );
    }
}

#[test]
fn what_a_gateway_is_sent() {
    let form = (
        "HALLPASS_SMS_CONTENT_TYPE",
        "application/x-www-form-urlencoded",
    );
    let body = "HALLPASS_SMS_BODY";
    for (text, words) in [
        (r#"{"to": "{to}"}"#, "has no {text}"),
        (r#"{"to": {to}, "text": "{text}"}"#, "between double quotes"),
        ("to={to}&text={text}", "is no JSON"),
    ] {
        refused(environment([(body, text)]), body, words);
    }
    refused(
        environment([form, (body, "From=+1555&To={to}&Body={text}")]),
        body,
        "%2B",
    );
    assert!(environment([form]).is_ok());
    assert!(environment([form, (body, "From=My+Shop&To={to}&Body={text}")]).is_ok());
    assert!(environment([(body, r#"{"to": "{to}", "text": "{text}", "n": 1}"#)]).is_ok());
    refused(
        environment([("HALLPASS_SMS_CONTENT_TYPE", "text/xml")]),
        "HALLPASS_SMS_CONTENT_TYPE",
        "must be one of",
    );
    refused(
        environment([("HALLPASS_SMS_AUTHORIZATION", "")]),
        "HALLPASS_SMS_AUTHORIZATION",
        "is empty",
    );
    for header in [" ", "Bearer abc ", "Bearer \u{e9}"] {
        refused(
            environment([("HALLPASS_SMS_AUTHORIZATION", header)]),
            "HALLPASS_SMS_AUTHORIZATION",
            "cannot stand in a header",
        );
    }
    for seconds in ["0", "121"] {
        refused(
            environment([("HALLPASS_SMS_TIMEOUT", seconds)]),
            "HALLPASS_SMS_TIMEOUT",
            "must be from 1 to 120",
        );
    }
}

#[test]
fn a_region_is_two_letters() {
    for region in ["de", "DEU", "Germany", "XX", "49"] {
        refused(
            environment([("HALLPASS_PHONE_REGION", region)]),
            "HALLPASS_PHONE_REGION",
            "is no country",
        );
    }
    assert!(environment([("HALLPASS_PHONE_REGION", "DE")]).is_ok());
}
