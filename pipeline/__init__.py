"""What users run: the command line, and what makes many rows into files.

Here are exports and the rows of anyone's files; `pipeline.card` says what is in a dataset,
`pipeline.publishing` takes it to the Hub, `pipeline.scale` makes it on many machines.
"""
