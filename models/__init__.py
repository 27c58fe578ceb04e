"""Pure physics: junction curves and, later, exchange, transport and engine models."""
