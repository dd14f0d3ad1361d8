"""The questions of Foster 2019, Generative Deep Learning, chapter 4, answered by runs."""
