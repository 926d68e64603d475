//! Serving an app, for those who need nothing of their own there.

use std::future::IntoFuture as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hallpass_core::Failure;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::Hallpass;

impl Hallpass {
    /// Serves `app` at HALLPASS_LISTEN until SIGINT or SIGTERM, and delivers letters beside it. Says where on standard error.
    ///
    /// An app that serves itself gives its handlers the peer's address
    /// (`into_make_service_with_connect_info::<SocketAddr>()`) and keeps [`hallpass_core::Hallpass::work`] running.
    ///
    /// # Errors
    /// The address cannot be had, or serving it ends with an error.
    pub async fn serve(&self, app: Router) -> Result<(), Failure> {
        let address = &self.settings().hallpass.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::from_source(format!("nothing can be served at {address}"), error)
        })?;
        if let Ok(address) = listener.local_addr() {
            // Whoever started it wants to know, with or without a log. Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "Serving at http://{address}");
        }
        self.serve_on(listener, app).await
    }

    /// [`Hallpass::serve`] at a listener of the app's own.
    ///
    /// # Errors
    /// Serving ends with an error.
    pub async fn serve_on(&self, listener: TcpListener, app: Router) -> Result<(), Failure> {
        if let Ok(address) = listener.local_addr() {
            tracing::info!("serving at http://{address}");
        }
        let patience = Duration::from_secs(self.settings().hallpass.shutdown_timeout);
        let (stop, stopped) = watch::channel(false);
        let core = (**self).clone();
        let worker = tokio::spawn(async move { core.work(stopped).await });
        let (close, closed) = oneshot::channel::<()>();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, app).with_graceful_shutdown(async {
            let _ = closed.await;
        });
        let mut served = std::pin::pin!(served.into_future());
        let served = tokio::select! {
            ended = &mut served => ended,
            () = signal() => {
                let _ = close.send(());
                // Whoever does not finish in time is cut off: a request that hangs must not keep the program.
                tokio::time::timeout(patience, served).await.unwrap_or(Ok(()))
            }
        };
        // Letters that the last requests wrote are in the outbox; what is being delivered may finish.
        let _ = stop.send(true);
        let _ = tokio::time::timeout(patience, worker).await;
        served.map_err(|error| Failure::from_source("serving", error))
    }
}

/// Ends with the first signal to stop; without signals, never.
async fn signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
