"""Grading: what was handed in goes in, marks and feedback come out; nothing of a learner's is trusted on the way.

- `handed`: finds each learner's notebooks in folders and archives, which are read in memory and never unpacked.
- `marking`: one learner's notebooks become one result. Values are read, functions run in a sandbox, judged outside.
- `results`: results as files, one a learner, each written whole or not at all; and the secret seed.
- `book`: the gradebook (SQLite) and the table for a learning platform (CSV), both made from the results.
- `page`: a page of feedback for each learner, and one of the class.
- `session`: a class through any `concurrent.futures.Executor`, with progress, to be interrupted and resumed.

A submission's own files are only ever read. What is written lies in one folder, the results.
"""
