"""A dataset on its way to the Hub or a folder, and back: published rows made again."""
