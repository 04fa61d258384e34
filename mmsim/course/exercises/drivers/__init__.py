"""Drivers: what runs in the learner's process to play a learner's object, and returns plain data.

A sandbox gets a driver as the text of its file, so a driver imports nothing of mmsim.course or
mmsim.experiments, nothing relative, and says nothing of what is right.
"""
