"""Where the README's figures come from. Each prints ratios against a floor or a peer of one run."""
