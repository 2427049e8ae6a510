"""The champion as a Bento: one artefact that a platform team runs, known to the last hash.

store         where Bentos lie, which there are, out of the store as a folder or one file
contents      what goes in: the model's files, their identity, the code of `aisle` and `service`
build_apart   has BentoML build it, in a process of its own
ask_apart     asks a Bento, in a process of its own that knows only the Bento's code
packaging     from the alias `champion` to a Bento that answers as the registry's model does
"""
