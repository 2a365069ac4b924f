"""The pages below /source/: folders, files, and what each is for."""
