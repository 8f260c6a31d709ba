"""`python -m sallyport` is the same as `sallyport`."""

from sallyport.cli import main

main()
