"""What can ail a training; each symptom is asked by `zoo diagnose` and the report."""
