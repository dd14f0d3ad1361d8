"""Do the figures of quality rank what they should?"""
