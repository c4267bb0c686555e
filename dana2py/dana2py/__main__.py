"""``python -m dana2py``: the command line."""

from dana2py.cli import main

if __name__ == "__main__":
    main()
