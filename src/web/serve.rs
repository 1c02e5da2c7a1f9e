//! Serving requests until told to stop, and then no longer than a moment.

use std::{future::IntoFuture, io, net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, time};
use tokio_util::sync::CancellationToken;

use super::{WebState, router};

/// How long requests in flight may take after the stop. Live streams end by themselves.
const DRAIN_FOR: Duration = Duration::from_secs(8);

/// Serves on `listener` until `stop` is cancelled and the requests in flight are answered, or 8 seconds later.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    stop: CancellationToken,
) -> io::Result<()> {
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let drained = async {
        stop.cancelled().await;
        time::sleep(DRAIN_FOR).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = drained => {
            tracing::warn!("requests in flight were cut off at shutdown");
            Ok(())
        }
    }
}
