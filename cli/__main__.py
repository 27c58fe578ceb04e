"""`python -m nanojunction.cli` is the command `nanojunction`."""

from nanojunction.cli.main import main

main()
