"""`python -m interpres`: the command line."""

from interpres.cli.main import main

main()
