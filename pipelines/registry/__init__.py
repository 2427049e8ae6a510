"""MLflow's tracking store and model registry: the only place of this project that talks to them.

    connection   where the store is, and a client that answers within a bounded time or says why not
    presence     whether the registry holds a version, without the cost of importing MLflow
    runs         one run a graph run, a child a candidate
    packaging    the model as MLflow stores it, and the proof that it answers as it did before
    versions     model versions, their tags and aliases, promotion

Consumers (packaging, monitoring) ask for the alias `champion` and trust nothing else.
"""
