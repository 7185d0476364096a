"""The ports of the mesh over gRPC: for each a server side that adapts a local object, and a client side that implements the same port."""
