"""The membership row and its lazy provisioning."""
