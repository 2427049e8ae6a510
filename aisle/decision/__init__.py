"""May a machine decide this?"""
