"""What the API answers with, as types; the modules `*_answers` beside this folder make them from the registry's rows."""
