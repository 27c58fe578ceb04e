"""`nanojunction model`: the theory beside the data, a command for each model."""

from __future__ import annotations

import typer

from nanojunction.cli.model_engine import engine
from nanojunction.cli.model_exchange import exchange
from nanojunction.cli.model_transport import transport

app = typer.Typer(
    name="model",
    help="Evaluate the models that papers explain such junctions with.",
    no_args_is_help=True,
)
app.command()(exchange)
app.command()(transport)
app.command()(engine)
