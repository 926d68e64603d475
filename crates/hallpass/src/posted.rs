//! What was posted: the whole body, and its fields if it is a form.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use hallpass_core::settings::Settings;
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::errors::Page;

/// The whole body, and its fields if it is a form. A page takes no other kind.
pub(crate) async fn read_form(
    parts: &Parts,
    body: Body,
    settings: &Settings,
) -> Result<(Vec<(String, String)>, Bytes), Page> {
    if parts.method.is_safe() {
        return Ok((Vec::new(), Bytes::new()));
    }
    let limit = usize::try_from(settings.general.data_upload_max_memory_size).unwrap_or(usize::MAX);
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Page::new(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Err(_) => return Err(Page::new(StatusCode::BAD_REQUEST)),
    };
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let mut fields: Vec<(String, String)> = form_urlencoded::parse(&bytes)
            .into_owned()
            .take(1001)
            .collect();
        if fields.len() > 1000 {
            return Err(Page::new(StatusCode::BAD_REQUEST));
        }
        fields.shrink_to_fit();
        return Ok((fields, bytes));
    }
    if kind.starts_with("multipart/form-data") {
        return Ok((read_multipart(kind, bytes.clone()).await?, bytes));
    }
    Ok((Vec::new(), bytes))
}

async fn read_multipart(kind: &str, bytes: Bytes) -> Result<Vec<(String, String)>, Page> {
    use axum::extract::{FromRequest as _, Multipart};
    let malformed = |_| Page::new(StatusCode::BAD_REQUEST);
    let request = Request::builder()
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(bytes));
    let Ok(request) = request else {
        return Err(Page::new(StatusCode::BAD_REQUEST));
    };
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Page::new(StatusCode::BAD_REQUEST))?;
    let mut fields = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let text = field.bytes().await.map_err(malformed)?;
        if !is_file && fields.len() < 1000 {
            fields.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(fields)
}
