"""Pure physics: junction curves, and the models of exchange, transport and engine."""
