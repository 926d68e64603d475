//! PostgreSQL: a pool of connections with prepared statements.
//!
//! Isolation is READ COMMITTED: what a flow relies on it either holds with a row lock or writes with a condition. A
//! connection that was lost is replaced; a read outside a transaction is then tried once more by itself.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::Verify;
use super::{DbError, Row, Value};
use crate::domain::Timestamp;
use crate::error::Failure;

pub(super) struct Pool(deadpool_postgres::Pool);

pub(super) struct Tx(Option<Object>);

impl Pool {
    pub(super) fn open(
        config: &tokio_postgres::Config,
        verify: &Verify,
        connections: usize,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match verify {
            Verify::Off => Manager::from_config(config.clone(), tokio_postgres::NoTls, recycling),
            _ => Manager::from_config(
                config.clone(),
                MakeRustlsConnect::new(tls(verify)?),
                recycling,
            ),
        };
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(timeout))
            .create_timeout(Some(timeout))
            .recycle_timeout(Some(timeout))
            .build();
        Ok(Pool(pool.map_err(|error| {
            Failure::from_source("the pool of connections", error)
        })?))
    }

    async fn get(&self) -> Result<Object, DbError> {
        self.0.get().await.map_err(|error| {
            let away = !matches!(&error, PoolError::Backend(error) if is_refused(error));
            let failure = Failure::from_source("no connection to the database", Shown::of(error));
            DbError::Failed(if away { failure.unavailable() } else { failure })
        })
    }

    pub(super) async fn run(
        &self,
        sql: &str,
        params: &[Value],
        read: bool,
    ) -> Result<(Vec<Row>, u64), DbError> {
        let client = self.get().await?;
        match run(&client, sql, params).await {
            Err(error) if read && is_lost(&error) => {
                drop(Object::take(client));
                let fresh = self.get().await?;
                run(&fresh, sql, params).await.map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    pub(super) async fn begin(&self) -> Result<Tx, DbError> {
        let client = self.get().await?;
        // Nothing has been done yet: a connection that turns out to be dead is replaced.
        if let Err(error) = client.batch_execute("BEGIN").await {
            drop(Object::take(client));
            if !is_lost(&error) {
                return Err(failed(error));
            }
            let fresh = self.get().await?;
            fresh.batch_execute("BEGIN").await.map_err(failed)?;
            return Ok(Tx(Some(fresh)));
        }
        Ok(Tx(Some(client)))
    }
}

impl Tx {
    fn client(&self) -> Result<&Object, DbError> {
        self.0
            .as_ref()
            .ok_or_else(|| DbError::Failed(Failure::new("the transaction is over")))
    }

    pub(super) async fn run(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<(Vec<Row>, u64), DbError> {
        run(self.client()?, sql, params).await.map_err(failed)
    }

    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.client()?.batch_execute(sql).await.map_err(failed)
    }

    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        self.client()?
            .batch_execute("COMMIT")
            .await
            .map_err(failed)?;
        drop(self.0.take());
        Ok(())
    }

    pub(super) async fn rollback(mut self) {
        if let Some(client) = &self.0
            && client.batch_execute("ROLLBACK").await.is_ok()
        {
            drop(self.0.take());
        }
    }
}

/// Dropped halfway, nobody knows what the connection is doing: it is closed, which undoes the transaction.
impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

async fn run(
    client: &Object,
    sql: &str,
    params: &[Value],
) -> Result<(Vec<Row>, u64), tokio_postgres::Error> {
    use futures_core::Stream as _;
    let statement = client.prepare_cached(sql).await?;
    let params: Vec<Bound<'_>> = params.iter().map(Bound).collect();
    let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
    let stream = client
        .query_raw(&statement, params.take(statement.params().len()))
        .await?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let row = row?;
        let values: Result<Vec<Value>, _> =
            (0..row.len()).map(|index| row.try_get(index)).collect();
        rows.push(Row(values?));
    }
    let touched = stream.rows_affected().unwrap_or(0);
    Ok((rows, touched))
}

fn is_lost(error: &tokio_postgres::Error) -> bool {
    const GONE: [SqlState; 3] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ];
    error.is_closed()
        || error.code().is_some_and(|code| GONE.contains(code))
        || error
            .source()
            .is_some_and(|source| source.is::<std::io::Error>())
}

/// The server is there and says no: a wrong password, an unknown database.
fn is_refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some() && !is_lost(error)
}

fn failed(error: tokio_postgres::Error) -> DbError {
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        let constraint = error
            .as_db_error()
            .and_then(|error| error.constraint())
            .unwrap_or_default();
        return DbError::Unique(constraint.to_owned());
    }
    let passing = is_lost(&error)
        || [
            Some(&SqlState::QUERY_CANCELED),
            Some(&SqlState::T_R_DEADLOCK_DETECTED),
        ]
        .contains(&error.code());
    let failure = Failure::from_source("the database", Shown::of(error));
    DbError::Failed(if passing {
        failure.unavailable()
    } else {
        failure
    })
}

/// An error's text without the details that PostgreSQL adds, which quote the row: addresses, hashes.
#[derive(Debug)]
struct Shown(String);

impl Shown {
    fn of(error: impl StdError) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = match inner.downcast_ref::<tokio_postgres::error::DbError>() {
                Some(error) => format!("{} ({})", error.message(), error.code().code()),
                None => inner.to_string(),
            };
            text.push_str(": ");
            text.push_str(&inner_text);
            source = inner.source();
        }
        Shown(text)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Shown {}

/// A [`Value`] on its way, in the binary form of the type that the server declared.
#[derive(Debug)]
struct Bound<'a>(&'a Value);

/// 2000-01-01, from which PostgreSQL counts, in Unix microseconds.
const EPOCH: i64 = 946_684_800_000_000;

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(truth) => return truth.to_sql(ty, out),
            Value::Int(number) => match *ty {
                Type::INT2 => out.extend_from_slice(&i16::try_from(*number)?.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*number)?.to_be_bytes()),
                Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
                _ => return Err(format!("an integer for a column of type {ty}").into()),
            },
            Value::Text(text) if text.contains('\0') => {
                return Err("a text for the database holds a NUL".into());
            }
            Value::Text(text) => match *ty {
                Type::INET | Type::CIDR => inet(text.parse()?, out),
                Type::JSONB => {
                    out.extend_from_slice(&[1]);
                    out.extend_from_slice(text.as_bytes());
                }
                _ => out.extend_from_slice(text.as_bytes()),
            },
            Value::Time(at) => out.extend_from_slice(&(at.micros() - EPOCH).to_be_bytes()),
            Value::Json(json) => {
                if *ty == Type::JSONB {
                    out.extend_from_slice(&[1]);
                }
                out.extend_from_slice(json.to_string().as_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Family, bits, "is a network", length, bytes.
fn inet(ip: IpAddr, out: &mut BytesMut) {
    match ip {
        IpAddr::V4(ip) => {
            out.extend_from_slice(&[2, 32, 0, 4]);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.extend_from_slice(&[3, 128, 0, 16]);
            out.extend_from_slice(&ip.octets());
        }
    }
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::TIMESTAMPTZ | Type::TIMESTAMP => Value::Time(Timestamp::from_micros(
                i64::from_be_bytes(raw.try_into()?) + EPOCH,
            )),
            Type::JSONB => Value::Json(serde_json::from_slice(raw.get(1..).unwrap_or_default())?),
            Type::JSON => Value::Json(serde_json::from_slice(raw)?),
            _ => Value::Text(std::str::from_utf8(raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn tls(verify: &Verify) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::from_source("TLS", error))?;
    let roots = match verify {
        Verify::Off | Verify::Nobody => {
            let anybody = Arc::new(Anybody(provider));
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(anybody)
                .with_no_client_auth());
        }
        Verify::Full(None) => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
        Verify::Full(Some(path)) => {
            let wrong =
                |error| Failure::from_source(format!("sslrootcert {}", path.display()), error);
            let mut store = RootCertStore::empty();
            let certificates = CertificateDer::pem_file_iter(path).map_err(wrong)?;
            for certificate in certificates {
                let added = store.add(certificate.map_err(wrong)?);
                added.map_err(|error| Failure::from_source("sslrootcert", error))?;
            }
            store
        }
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What libpq does below `verify-ca`: encrypt against listeners, trust whoever answers.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
