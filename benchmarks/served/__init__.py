"""The served Hub under clients that keep it waiting."""
