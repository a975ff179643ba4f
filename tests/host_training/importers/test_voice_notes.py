"""Goal: what is said in a voice note becomes its sender's message, and only if the maker asks.

Method: the layouts of Telegram and WhatsApp with a transcriber that knows the file's words; sounds
made here through the real decoder, and through a Whisper of random weights.
"""

from __future__ import annotations

import io
import math
import shutil
import wave
from array import array
from collections.abc import Mapping
from pathlib import Path

import pytest

from host_training.common.messages import Message, Notes
from host_training.common.persona_dir import read_persona
from host_training.common.settings import VoiceSettings
from host_training.corpus import assemble
from host_training.errors import TrainingError
from host_training.importers import registry, speech, voice_notes
from host_training.importers.tree import Tree
from host_training.importers.whatsapp_words import sound_name
from tests.host_training.conftest import need, telegram_export, write_persona
from tests.host_training.importers.reading import Content, reasons, write_files

NOTE = "voice_messages/audio_1@06-03-2021_18-00-11.ogg"
SAID = "The hedge and I have an understanding."


def sine(n_samples: int = 8000, volume: float = 0.3, rate_hz: int = 8000) -> bytes:
    """A wave file of one tone."""
    with io.BytesIO() as packed:
        with wave.open(packed, "wb") as file:
            file.setparams((1, 2, rate_hz, 0, "NONE", ""))
            file.writeframes(array("h", (round(32767 * volume * math.sin(n / 5))
                                         for n in range(n_samples))).tobytes())
        return packed.getvalue()


def telegram(note: str = NOTE) -> dict[str, object]:
    export = telegram_export()
    row = export["chats"]["list"][0]["messages"][3]
    row.update(text="", file=note, media_type="voice_message", mime_type="audio/ogg")
    return export


def heard(folder: Path, files: Mapping[str, Content], monkeypatch: pytest.MonkeyPatch,
          model: str = "whisper") -> tuple[list[Message], Notes]:
    """As ``assemble`` reads a folder; the transcriber says what stands in the sound file."""
    def words(sound: bytes) -> str:
        if sound.startswith(b"broken"):
            raise speech.UnheardError("no sound that can be decoded")
        return sound.decode()

    monkeypatch.setattr(speech, "check", lambda model: None)
    monkeypatch.setattr(speech, "load", lambda model, language: words)
    write_files(folder, files)
    notes = Notes()
    with Tree(folder, notes) as tree:
        found = list(tree.files(folder))
        notes.hear = voice_notes.listener(found, VoiceSettings(model=model), folder, notes)
        return list(registry.read_all(registry.recognise(found, notes), notes)), notes


def test_a_voice_note_of_telegram_is_its_senders_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"tg/result.json": telegram(), f"tg/{NOTE}": SAID, "tg/files/music.mp3": "la la la"}
    messages, notes = heard(tmp_path / "on", files, monkeypatch)
    assert (messages[3].author, messages[3].text, messages[3].chat_id) == ("user1", SAID, "9")
    assert notes.skipped == {voice_notes.LEFT_OUT: 1} and not notes.bad
    messages, notes = heard(tmp_path / "off", files, monkeypatch, model="")
    assert len(messages) == 3
    assert notes.skipped == {voice_notes.LEFT_OUT: 2, "no words": 1}


@pytest.mark.parametrize(("line", "name"), [
    ("PTT-20210306-WA0001.opus (file attached)", "PTT-20210306-WA0001.opus"),
    ("PTT-20210306-WA0001.opus (Datei angehängt)", "PTT-20210306-WA0001.opus"),
    ("\u200e<attached: 00000012-AUDIO-2021-03-06-18-00-11.opus>",
     "00000012-AUDIO-2021-03-06-18-00-11.opus"),
    ("IMG-20210306-WA0001.jpg (file attached)", None), ("PTT omitted", None),
])
def test_a_voice_note_of_whatsapp_is_its_senders_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, name: str | None
) -> None:
    assert sound_name(line) == name
    chat = (f"[26/03/2021, 18:00:11] Bo: Where is it?\n[26/03/2021, 18:01:11] Ada: {line}\n"
            "[26/03/2021, 18:02:11] Bo: so\n")
    files = {"wa/_chat.txt": chat, **({f"wa/{name}": SAID} if name else {})}
    messages, notes = heard(tmp_path, files, monkeypatch)
    spoken = [m for m in messages if m.text == SAID]
    assert [m.author for m in spoken] == (["Ada"] if name else []) and not notes.bad


def test_a_note_that_is_not_there_or_cannot_be_heard_costs_a_sentence_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "(File not included. Change data exporting settings to download.)"
    messages, notes = heard(tmp_path / "a", {"result.json": telegram(missing)}, monkeypatch)
    assert len(messages) == 3 and not notes.bad and notes.skipped["no words"] == 1
    messages, notes = heard(
        tmp_path / "b", {"result.json": telegram(), NOTE: "broken"}, monkeypatch)
    assert len(messages) == 3
    assert reasons(notes) == [f"{NOTE} : cannot be heard (no sound that can be decoded)"]
    monkeypatch.setattr(voice_notes, "SOUND_BYTES_MAX", 3)
    _, notes = heard(tmp_path / "c", {"result.json": telegram(), NOTE: "long"}, monkeypatch)
    assert reasons(notes) == [f"{NOTE} : 4 bytes; at most 3 are listened to"]


def test_a_model_that_cannot_be_used_is_said_before_anything_is_read(tmp_path: Path) -> None:
    need("av")
    directory = write_persona(tmp_path / "ada")
    toml = directory / "persona.toml"
    toml.write_text(toml.read_text() + '[voice]\nmodel = "../model"\n')
    (tmp_path / "model").mkdir()
    for config, says in ((None, "no config.json of a model"), ("[]", "no config.json of a model"),
                         ('{"model_type": "llama"}', "a llama model; a Whisper")):
        if config is not None:
            (tmp_path / "model" / "config.json").write_text(config)
        with pytest.raises(TrainingError, match=rf"voice\.model in persona\.toml: .*{says}"):
            assemble.prepare(directory, read_persona(directory), tmp_path, lambda *args: None)


def _truncated(model: Path) -> Path:
    cut = Path(shutil.copytree(model, model.with_name(f"{model.name} cut")))
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    return cut


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper of one layer of 16, with random weights and an alphabet for a vocabulary."""
    torch = need("torch")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    hf = need("transformers")
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|nl|>", "<|transcribe|>",
               "<|translate|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
               *(f"<|{n * 0.02:.2f}|>" for n in range(1501))]
    tokenizer = hf.WhisperTokenizer(vocab={c: n for n, c in enumerate("abcdefgh")}, merges=[])
    tokenizer.add_special_tokens({"extra_special_tokens": special})
    ids = dict(zip(special, tokenizer.convert_tokens_to_ids(special), strict=True))
    end = ids["<|endoftext|>"]
    model = hf.WhisperForConditionalGeneration(hf.WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=1, decoder_attention_heads=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, max_target_positions=32, eos_token_id=end, pad_token_id=end,
        bos_token_id=end, decoder_start_token_id=ids["<|startoftranscript|>"]))
    for key, value in {
            "is_multilingual": True, "max_length": 24, "suppress_tokens": None,
            "lang_to_id": {name: ids[name] for name in ("<|en|>", "<|nl|>")},
            "task_to_id": {"transcribe": ids["<|transcribe|>"]},
            "no_timestamps_token_id": ids["<|notimestamps|>"], "begin_suppress_tokens": None,
            "prev_sot_token_id": ids["<|startofprev|>"], "max_initial_timestamp_index": 50,
            "_from_model_config": False}.items():
        setattr(model.generation_config, key, value)
    out = tmp_path_factory.mktemp("whisper")
    model.save_pretrained(out)
    hf.WhisperProcessor(hf.WhisperFeatureExtractor(), tokenizer).save_pretrained(out)
    return out


def test_a_whisper_of_random_weights_listens(whisper: Path) -> None:
    """The real way from bytes to words; these say nothing, and no mark of Whisper's is among them.

    Of more than half a minute it is another way through the library.
    """
    need("av")
    with pytest.raises(TrainingError, match="cannot be loaded"):
        speech.load(_truncated(whisper), None)
    listen = speech.load(whisper, "nl")
    for sound in (sine(), sine(8000 * 31)):
        assert set(listen(sound)) <= set("abcdefgh ")
    assert listen(sine(volume=0.0)) == "", "silence is not listened to"


@pytest.mark.parametrize(("extra", "command"), [
    ("voice", "pip install --require-hashes --no-deps -r lock/voice.txt"),
    ("train", "make .venv/train"),
])
def test_without_a_package_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str, command: str
) -> None:
    monkeypatch.setattr(speech, "_EXTRA_OF", {"no_such_package": extra})
    with pytest.raises(TrainingError, match=f"needs the package no_such_package: run `{command}`"):
        speech.check(tmp_path)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_a_sound_is_decoded_at_whispers_rate(rate_hz: int) -> None:
    need("av")
    samples = speech.decoded_sound(sine(rate_hz, rate_hz=rate_hz))
    assert abs(len(samples) - speech.RATE_HZ) < 100 and samples.ndim == 1
    assert 0.25 < abs(samples).max() < 0.35


def test_a_long_sound_is_cut_and_a_damaged_one_named(monkeypatch: pytest.MonkeyPatch) -> None:
    need("av")
    monkeypatch.setattr(speech, "SECONDS_MAX", 1)
    assert len(speech.decoded_sound(sine(80_000))) == speech.RATE_HZ
    whole = sine(400)
    for data in (b"", b"no sound", *(whole[:n] for n in range(0, len(whole), 7))):
        try:
            assert len(speech.decoded_sound(data)) < 1000
        except speech.UnheardError as error:
            assert "no sound that can be decoded" in str(error)
