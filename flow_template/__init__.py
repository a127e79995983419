"""What this template does beyond copying files: rules for the answers, and the texts that go with them."""
