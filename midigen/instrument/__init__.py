"""The instrument itself: events and times in, messages and the next deadline out.

The performer listens, takes turns, keeps time and plays; `render` plays files through it. It
knows no thread, clock, port or file, and imports `prediction`, `settings` and what is left of
them.
"""
