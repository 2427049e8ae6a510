"""Evidence: what the held-out products say about a model and its policy.

Pure functions from frames to plain data, a module a question:

    frame       scores joined with truth and decisions; what all others read
    shares      a share with its interval and sample size
    metrics     the flat figures of `metrics.json`
    curves      what accuracy costs in coverage; is the confidence honest?
    quadrants   right or wrong, against automatic or review
    confusion   which branches and leaves are taken for each other
    categories  each category, and the rare ones
    slices      which groups of products fare worse
    robustness  spoilt titles, sellers and categories never seen
    gathering   all of it
"""
