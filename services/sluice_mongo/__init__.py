"""The mongo kind: change streams of MongoDB as FunctionGraph's DDS and GAUSSMONGO triggers."""

from sluice_mongo.kind import KIND

__all__ = ["KIND"]
