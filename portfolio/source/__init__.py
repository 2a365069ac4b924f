"""The pages below /source/: folders, files, and the purpose of each."""
