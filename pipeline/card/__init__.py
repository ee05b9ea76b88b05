"""What is in a dataset: counted, drawn and told, for its card and for machines."""
