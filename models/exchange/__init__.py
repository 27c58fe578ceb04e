"""Exchange between two molecular spins in a junction (Fransson, Ren & Zhu 2014).

| | |
|---|---|
| `exchange(mu_meV, bias_meV, …)` | J12, I12 and D12 for arrays of biases, temperatures, dimers |
| `Exchange` | these three in meV, and what their signs mean |
| `Dimer` | widths, tunnelling and polarisations of the leads; its resonances |
"""

from nanojunction.models.exchange.dimer import Dimer
from nanojunction.models.exchange.interactions import Exchange, exchange

__all__ = ["Dimer", "Exchange", "exchange"]
