"""Running the portal: health, metrics, logs, request context, start-up checks."""
