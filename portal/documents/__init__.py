"""Long work that people ask for: exports, imports, documents; their progress and their files."""
