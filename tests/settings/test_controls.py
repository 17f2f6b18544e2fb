"""The table of controls, how values are read, and knobs and scenes in a configuration."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import ConfigError
from midigen.instrument.panel import Panel
from midigen.music.keys import AUTO, Key
from midigen.settings.choices import Mode
from midigen.settings.config import load, render
from midigen.settings.controls import CONTROLS, Control, is_release, is_toggle, read, table
from midigen.settings.kinds import InBeats, Number
from midigen.settings.table import Settings

NAMES = (
    *("mode", "key", "temperature", "top-p", "memory", "tempo", "subdivision", "gate"),
    *("density", "length", "velocity", "hold", "mute"),
    *("turn", "again", "forget", "panic", "keep", "scene"),
)


def test_the_list_of_controls() -> None:
    assert tuple(CONTROLS) == NAMES
    assert [line.split()[0] for line in table()] == list(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if CONTROLS[name].key])
def test_setting_a_control_sets_its_setting(name: str) -> None:
    spec = CONTROLS[name]
    assert spec.key
    value = Settings().at(spec.key)
    assert read(Control(name, value if isinstance(value, int | float) else str(value))) == value
    assert Settings().changed(spec.key, value) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", "0.8", 0.8),
        ("temperature", 0.8, 0.8),
        ("temperature", 1, 1.0),
        ("subdivision", "4", 4),
        ("subdivision", 4.0, 4),
        ("mode", "duet", Mode.DUET),
        ("key", "F# minor", Key.named("F# minor")),
        ("key", "Bb", Key.named("Bb major")),
        ("key", "AUTO", AUTO),
        ("key", "auto", AUTO),
        ("length", "endless", "endless"),
        ("length", "7", 7),
        ("length", "4 beats", InBeats(4.0)),
        ("mute", "on", True),
        ("mute", "false", False),
        ("mute", 1.0, True),
        ("hold", 0.0, False),
        ("again", "", None),
        ("again", 1.0, None),
        ("scene", "verse", "verse"),
    ],
)
def test_values_of_all_forms_are_read_as_the_settings_own(
    name: str, value: Any, expected: object
) -> None:
    assert read(Control(name, value)) == expected


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (Control("temprature", 1.0), "no control 'temprature': did you mean temperature?"),
        (Control("temperature", "hot"), "temperature is a number 0 to 5, not 'hot'"),
        (Control("temperature", 5.1), "temperature is a number 0 to 5, not 5.1"),
        (Control("temperature", float("nan")), "temperature is a number 0 to 5, not nan"),
        (Control("subdivision", 2.5), "subdivision is a whole number 1 to 8"),
        (Control("mode", 3), "mode is one of"),
        (Control("key", "H major"), "key is"),
        (Control("mute", "perhaps"), "mute is true or false, not 'perhaps'"),
        (Control("length", 0), "length is"),
        (Control("length", "0 beats"), "length is"),
        (Control("scene", ""), "scene is a scene's name"),
    ],
)
def test_errors_say_what_is_wrong(control: Control, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read(control)
    assert words in str(caught.value)


@given(
    st.sampled_from(NAMES) | st.text(max_size=9),
    st.text(max_size=20) | st.floats() | st.integers() | st.booleans(),
)
def test_any_value_is_read_or_raises_value_error(name: str, value: str | float) -> None:
    control = Control(name, value)
    with contextlib.suppress(ValueError):
        read(control)
    is_release(control)


@pytest.mark.parametrize("name", ["mute", "hold"])
def test_a_switch_without_a_value_toggles(name: str) -> None:
    panel = Panel(Settings(), [])
    for value in (True, False):
        assert panel.wanted(Control(name)) is value
        panel.settings = panel.changed(name, value)
    assert panel.wanted(Control(name, "on")) is True
    assert "without a value it toggles" in CONTROLS[name].line


def test_other_controls_do_not_toggle() -> None:
    assert {name for name in NAMES if is_toggle(Control(name))} == {"mute", "hold"}
    assert not is_toggle(Control("mute", value=False))
    assert not is_toggle(Control("mute", 0.0))


@pytest.mark.parametrize(
    ("control", "meant"),
    [
        (Control("key", "H major"), "B major"),
        (Control("key", "G mayor"), "G major"),
        (Control("key", "atuo"), "auto"),
        (Control("mode", "duett"), "duet"),
    ],
)
def test_errors_suggest_what_was_meant(control: Control, meant: str) -> None:
    with pytest.raises(ValueError, match=f'did you mean "{meant}"'):
        read(control)


def test_releasing_a_button_does_nothing() -> None:
    assert is_release(Control("again", 0.0))
    assert is_release(Control("panic", value=False))
    assert not is_release(Control("again", 1.0))
    assert not is_release(Control("again"))
    assert not is_release(Control("temperature", 0.0))


@pytest.mark.parametrize("text", ["[" * 5000, "{a=" * 3000, "1" * 5000])
def test_text_that_is_hard_to_parse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="temperature is a number 0 to 5"):
        read(Control("temperature", text))


def test_a_range_includes_its_ends() -> None:
    for spec in CONTROLS.values():
        if isinstance(spec.kind, Number):
            for number in (spec.kind, replace(spec.kind, low=spec.kind.high, high=spec.kind.low)):
                for step in range(128):
                    spec.kind.read(number.at(step / 127))


# --- knobs and scenes in a configuration


def problems(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    return "\n".join(caught.value.problems)


def test_knobs_and_scenes_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        """
        [[control]]
        name = "temperature"
        cc = 21
        low = 1.5
        high = 0.5
        [[control]]
        name = "scene"
        program = 3
        channel = 2
        value = "verse"
        [[control]]
        name = "again"
        note = 36
        [[scene]]
        name = "ver\\u007fse\\"s"
        [[scene]]
        name = "verse"
        model = "pop"
        set = { temperature = 0.7, "top-p" = 0.9, key = "A minor", mute = false }
        """,
        encoding="utf-8",
    )
    settings = load(path)
    path.write_text(render(settings), encoding="utf-8")
    assert load(path) == settings
    assert [knob.sources for knob in settings.control] == [{"cc": 21}, {"program": 3}, {"note": 36}]
    assert settings.scene[1].model == "pop"
    assert dict(settings.scene[1].set)["key"] == "A minor"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "temprature"\ncc = 1', "control.1.name: no control 'temprature': did you mean"),
        ('name = "temperature"\ncc = 128', "control.1.cc = 128: expected a whole number 0 to 127"),
        ('name = "temperature"', "control.1: needs one of cc, program and note"),
        ('name = "temperature"\ncc = 1\nnote = 3', "control.1: needs one of"),
        ("cc = 1", "control.1.name: no control ''"),
        ('name = "temperature"\nnote = 3', "control.1.value: must say what it sets"),
        ('name = "mode"\nprogram = 3\nvalue = "trio"', "control.1.value: mode is one of"),
        ('name = "key"\ncc = 3', "control.1.value"),
        ('name = "scene"\nprogram = 3\nvalue = "x"', "one of none"),
        ('name = "tempo"\ncc = 3\nlow = 10', "control.1: low and high must be two numbers in"),
        ('name = "tempo"\ncc = 3\nlow = 60\nhigh = 60', "low and high must be two numbers"),
        (
            'name = "mute"\ncc = 3\nlow = 0',
            "low and high are the ends of a knob that sets a number",
        ),
        ('name = "tempo"\ncc = 3\nlow = 60\nvalue = 90', "low and high are the ends of a knob"),
        ('name = "panic"\ncc = 3\nvalue = true', "control.1.value: panic is pressed: it takes no"),
        ('name = "mute"\ncc = 3\nvalue = ""', "mute is true or false, not ''"),
        ('name = "mute"\ncc = 3\nvalue = nan', "control.1.value = nan: expected a value"),
        ('name = "tempo"\ncc = 3\ncolour = 1', "control.1.colour: no such entry; there are name"),
        ('name = "tempo"\ncc = 3\nchannel = 17', "control.1.channel = 17: expected"),
    ],
)
def test_errors_in_knobs_are_located(tmp_path: Path, text: str, words: str) -> None:
    assert words in problems(tmp_path, f"[[control]]\n{text}")


@pytest.mark.parametrize("channels", [("all", "all"), ("all", 3), (3, "all"), (3, 3)])
def test_two_mappings_on_one_knob_are_refused(
    tmp_path: Path, channels: tuple[object, object]
) -> None:
    first, second = (f'"{each}"' if each == "all" else each for each in channels)
    text = f"""
        [[control]]
        name = "temperature"
        cc = 7
        channel = {first}
        [[control]]
        name = "tempo"
        cc = 7
        channel = {second}
        """
    assert "control.2.cc: cc 7 sets temperature already" in problems(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('model = "pop"', "scene.1.name: a scene needs a name"),
        ('name = "a"\n[[scene]]\nname = "a"', "scene.2.name: another scene is called 'a' too"),
        ('name = "a"\nset = { again = 1 }', "scene.1.set.again: a scene can't press a control"),
        ('name = "a"\nset = { scene = "a" }', "scene.1.set.scene: a scene can't press"),
        ('name = "a"\nset = { tempo = 9 }', "scene.1.set.tempo: tempo is a number 20 to 400"),
        ('name = "a"\nset = { tmpo = 90 }', "did you mean tempo?"),
        ('name = "a"\nset = 3', "scene.1.set = 3: expected controls and their values"),
    ],
)
def test_errors_in_scenes_are_located(tmp_path: Path, text: str, words: str) -> None:
    assert words in problems(tmp_path, f"[[scene]]\n{text}")


@pytest.mark.parametrize("text", ["control = 3", "[control]\ncc = 3", "scene = [3]"])
def test_values_that_are_not_lists_of_tables_are_refused(tmp_path: Path, text: str) -> None:
    assert "expected tables, each [[" in problems(tmp_path, text)
