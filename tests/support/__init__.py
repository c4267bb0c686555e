"""What several test files share: chunks of Dana, programs of the corpus, and running them."""
