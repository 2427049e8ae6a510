"""Are we as good as we say? The draw of the audits, and what their answers tell."""
