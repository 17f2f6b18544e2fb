"""The instrument itself: events and times in, messages and the next deadline out.

The performer listens, takes turns, keeps time and plays; `render` plays files through it, and
`reply` one phrase. It has no thread, clock, port or file. The package imports `prediction`,
`settings`, `music` and `midi`. Each of its modules imports only modules above it, or to its left:

    values            events, status, ledger
    the settings      panel
    listening         hearing, turns, silence, loose_ends
    time              clock_follower, tempo_follower, step_grid, rhythm, pulse, scenes
    playing           voice, improviser, answer
    modes             mode, modes
    the whole         keyboard, changes, performer, render, reply

`learner` is used by `midigen learn` alone.
"""
