"""Mutation score of stage1: every instruction changed in every way, and who notices."""
