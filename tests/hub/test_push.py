"""What a push leaves on the Hub, and what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder, report, tiny_onnx
from tests.support.hub.publish import contents, head, put, the_repo
from tests.support.run_folders import bare_record
from zoo.errors import InputError
from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder
from zoo_hub.card.card import merge
from zoo_hub.card.licences import known_licence
from zoo_hub.cli.push import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.faults import Action
    from tests.support.hub.server.hub import Hub
    from tests.support.hub.server.store import Repo

pytest_plugins = ["tests.support.hub.fixtures"]

PUBLISHED = [
    "README.md",
    "config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/report.json",
    "samples.png",
]


def history(repo: Repo) -> list[str]:
    """Return the titles of a repository's commits, newest first."""
    titles, sha = [], repo["branches"].get("main")
    while sha:
        titles.append(repo["commits"][sha]["title"])
        sha = repo["commits"][sha]["parent"]
    return titles


def published(hub: Hub, repo: Repo) -> dict[str, bytes]:
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    return {
        name: hub.store.path(entry).read_bytes() for name, entry in tree.items() if name != ".gitattributes"
    }


def test_push_makes_one_commit_of_the_generators_files(hub: Hub, me: Person, folder: Path) -> None:
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.out) == (0, f"{hub.url}/me/camel\n")
    assert ran.err == "Get pictures from it with `zoo generate me/camel`\n"
    repo = the_repo(hub)
    assert history(repo) == ["Publish camel-wgangp", "initial commit"]
    assert published(hub, repo) == {name: (folder / name).read_bytes() for name in PUBLISHED}
    assert not repo["private"]
    commit = next(entry for entry in hub.log if "/commit/" in entry.path)
    assert commit.user_agent.startswith("gan-model-zoo/0.2.0; hf_hub/")
    assert [entry.method for entry in hub.log if entry.host == "cdn"].count("PUT") == 2
    assert hub.leaked_tokens == 0


def test_a_push_finds_the_way_without_xet_by_itself(hub: Hub, me: Person, folder: Path) -> None:
    pytest.importorskip("hf_xet")

    ran = me.zoo("push", "me/camel", folder, HF_HUB_DISABLE_XET="0")

    assert (ran.code, ran.out) == (0, f"{hub.url}/me/camel\n")
    assert ran.err == "Get pictures from it with `zoo generate me/camel`\n"
    assert any("xet-write-token" in entry.path for entry in hub.log), "it was tried"
    assert published(hub, the_repo(hub)) == {name: (folder / name).read_bytes() for name in PUBLISHED}


def test_a_second_push_commits_only_what_changed(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    again = me.zoo("push", "me/camel", folder)
    nothing = "me/camel: nothing changed since the last push, so there is no new commit\n"
    assert (again.code, again.err.startswith(nothing)) == (0, True)
    assert len(history(the_repo(hub))) == 2
    make_folder(folder, seed=1)
    assert me.zoo("push", "me/camel", folder, "--message", "Longer").code == 0
    repo = the_repo(hub)
    assert history(repo) == ["Longer", "Publish camel-wgangp", "initial commit"]
    assert published(hub, repo)["onnx/model.onnx"] == (folder / "onnx/model.onnx").read_bytes()


def test_a_card_of_somebodys_own_words_gets_metadata_only(hub: Hub, me: Person, folder: Path) -> None:
    (folder / "README.md").write_text("My own words.\n")
    assert me.zoo("push", "me/camel", folder).code == 0
    card = published(hub, the_repo(hub))["README.md"].decode()
    assert "\nlicense: cc-by-4.0\n" in card.partition("\n---\n")[0]
    assert re.sub(r"(?s)\A---\n.*?---\n|<!-- zoo:seal .*", "", card).strip() == "My own words."


def test_an_untouched_card_follows_the_name(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    assert me.zoo("push", "me/dromedary", folder).code == 0
    card = published(hub, the_repo(hub, "me/dromedary"))["README.md"].decode()
    assert "zoo generate me/dromedary " in card
    assert "me/camel" not in card


def test_private_is_for_new_repositories(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/hidden", folder, "--private").code == 0
    assert the_repo(hub, "me/hidden")["private"]
    hub.store.create("models", "me/camel", "me", private=False)
    refused = me.zoo("push", "me/camel", folder, "--private")
    assert (refused.code, refused.err) == (
        3,
        "me/camel: it exists and is public, and --private is for new repositories. "
        "Make it private in its settings, or push without --private\n",
    )
    assert history(the_repo(hub)) == ["initial commit"]


def test_the_latest_run_is_pushed_when_none_is_named(hub: Hub, me: Person) -> None:
    for number, started in ((1, "2026-01-02"), (2, "2026-01-01")):
        run = me.home / "runs" / f"camel-wgangp-{number}"
        make_folder(run / "generator", seed=number)
        (run / "run.json").write_text(bare_record(started))
    ran = me.zoo("push", "me/camel")
    assert ran.code == 0
    assert "me/camel: this is the latest run's generator, runs/camel-wgangp-1/generator\n" in ran.err
    newest = me.home / "runs/camel-wgangp-1/generator/onnx/model.onnx"
    assert published(hub, the_repo(hub))["onnx/model.onnx"] == newest.read_bytes()


def test_a_damaged_folder_reaches_no_hub(hub: Hub, me: Person, folder: Path) -> None:
    size = (folder / "samples.png").stat().st_size
    (folder / "samples.png").write_bytes(bytes(size))
    ran = me.zoo("push", "me/camel", folder)
    assert ran.code == 4
    assert ran.err.startswith(f"{folder / 'samples.png'}: its sha256 is ")
    assert hub.log == []


def test_a_failed_upload_of_a_large_file_is_one_line(hub: Hub, me: Person, folder: Path) -> None:
    hub.fault("status", path="/x/put/", status=403, times=0)
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.err) == (
        6,
        "me/camel: this token may not write there (403). "
        f"Make one that may at {hub.url}/settings/tokens and set HF_TOKEN\n",
    )
    assert history(the_repo(hub)) == ["initial commit"]


@pytest.mark.parametrize("name", ["camel", "me/my camel", "me/a/b", "/camel", "me/a..b"])
def test_a_name_that_is_none_on_the_hub(name: str) -> None:
    with pytest.raises(InputError) as error:
        push.main([name], standalone_mode=False)
    assert str(error.value) == (
        f"{name}: it is no name on the Hub. Give OWNER/NAME, for example me/camel-wgangp"
    )


def test_a_push_takes_no_revision() -> None:
    with pytest.raises(InputError) as error:
        push.main(["me/camel@v1"], standalone_mode=False)
    assert str(error.value) == "me/camel@v1: a push names its branch with --revision. Leave @v1 out"


def test_a_path_without_a_generator(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(InputError) as error:
        push.main(["me/camel", str(missing)], standalone_mode=False)
    assert str(error.value) == f"{missing}: there is no such folder. Give a run or a generator folder"
    with pytest.raises(InputError) as error:
        push.main(["me/camel", "camel-gan"], standalone_mode=False)
    assert str(error.value) == (
        "camel-gan: there is no such folder here, and the package's camel-gan is exported already. "
        "Give a run or a generator folder; `zoo push --bundled OWNER` publishes the package's"
    )
    with pytest.raises(InputError) as error:
        push.main(["me/camel", str(tmp_path)], standalone_mode=False)
    assert str(error.value) == f"{tmp_path}: it is neither a run nor a generator folder. Give one of the two"


def test_a_dry_run_says_all_and_asks_nobody(hub: Hub, me: Person, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    nobody = replace(me, token=None, endpoint="http://127.0.0.1:9")
    ran = nobody.zoo(
        "push", "me/camel", folder, "--dry-run", "--tag", "v1", "--private", "--revision", "wild"
    )
    first, *files, last = ran.out.splitlines()

    assert (ran.code, first, last) == (0, "to     me/camel, branch wild, private if new", "tag    v1")
    assert [line.split()[:2] for line in files] == [["file", name] for name in PUBLISHED]
    sizes = {line.split()[1]: int(line.split()[2].replace(",", "")) for line in files}
    assert all((folder / name).stat().st_size == size for name, size in sizes.items() if name != "README.md")
    assert ran.err == (
        "me/camel: this is what a push would publish. Nothing was sent, and the Hub was not asked: whether me/camel "
        "exists, and what of this it holds already, is seen by a push\n"
    )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert hub.log == []
    assert me.zoo("push", "me/camel", folder).code == 0
    assert sizes["README.md"] == (folder / "README.md").stat().st_size
    (folder / ONNX).write_bytes(b"changed")
    refused = nobody.zoo("push", "me/camel", folder, "--dry-run")
    assert (refused.code, refused.out) == (4, "")


def test_every_licence_of_the_hub_and_of_spdx_is_known(folder: Path) -> None:
    config = GeneratorFolder.open(folder).config

    def license_lines(card: str) -> list[str]:
        return [line for line in card.splitlines() if line.startswith("license")]

    for wanted, key, name in (
        ("mit", "mit", None),
        ("Apache-2.0", "apache-2.0", None),
        ("openrail++", "openrail++", None),
        ("llama3.1", "llama3.1", None),
        ("other", "other", None),
        ("0BSD", "other", "0BSD"),
        ("gpl-3.0-only", "other", "GPL-3.0-only"),
    ):
        assert known_licence(wanted) == (key, name)
        named = [f"license_name: {name}"] if name else []
        card = merge("", "me/camel", config, licence=wanted)
        assert license_lines(card) == [f"license: {key}", *named]
        assert license_lines(merge(card, "me/camel", config)) == [f"license: {key}", *named], "it is kept"
        assert license_lines(merge(card, "me/camel", config, licence="isc")) == ["license: isc"]
    for wrong in (
        "nonsense",
        "MIT OR Apache-2.0",
        "LicenseRef-mine",
        "mit licence",
        "cc-by-5.0",
        "-",
        "mit\n",
    ):
        with pytest.raises(InputError, match="neither in the Hub's list nor an SPDX identifier"):
            known_licence(wrong)


def test_files_of_an_earlier_push_go_and_those_of_others_stay(hub: Hub, me: Person, folder: Path) -> None:
    half = "onnx/model_fp16.onnx"
    models = {ONNX: (folder / ONNX).read_bytes(), half: tiny_onnx(1)}
    GeneratorFolder.open(folder).add_files({half: tiny_onnx(1), "onnx/report.json": report(models)})
    assert me.zoo("push", "me/camel", folder).code == 0
    put(hub, {"LICENSE": b"mine", "onnx/other.onnx": b"mine", "notes/a.txt": b"mine"})
    config = GeneratorFolder.open(folder).config
    GeneratorFolder.write(
        folder, {}, config.model_copy(update={"files": {n: f for n, f in config.files.items() if n != half}})
    )
    before = published(hub, the_repo(hub))
    assert me.zoo("push", "me/camel", folder).code == 0
    repo = the_repo(hub)
    assert history(repo) == ["Publish camel-wgangp", "by hand", "Publish camel-wgangp", "initial commit"]
    assert {*published(hub, repo)} == {*PUBLISHED, "LICENSE", "onnx/other.onnx", "notes/a.txt"}
    assert {*before} - {*published(hub, repo)} == {half}


def test_a_tag_is_put_once_and_never_moved(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    tagged = me.zoo("push", "me/camel", folder, "--tag", "v1")
    commit = head(hub)
    nothing = "me/camel: nothing changed since the last push, so there is no new commit\n"
    said = f"{nothing}me/camel: tag v1 is on commit {commit[:12]}\n"
    assert (tagged.code, tagged.err.startswith(said)) == (0, True)
    assert the_repo(hub)["tags"] == {"v1": commit}
    assert me.zoo("push", "me/camel", folder, "--tag", "v1").code == 0
    make_folder(folder, seed=1)
    refused = me.zoo("push", "me/camel", folder, "--tag", "v1")
    sentence = f"me/camel: tag v1 is there already, on commit {commit[:12]}. Give another --tag\n"
    assert (refused.code, refused.err) == (3, sentence)
    assert head(hub) == commit
    assert me.zoo("push", "me/camel", folder, "--tag", "v2").code == 0
    assert the_repo(hub)["tags"] == {"v1": commit, "v2": head(hub)}


def test_a_branch_is_made_and_main_stays(hub: Hub, me: Person, folder: Path) -> None:
    ran = me.zoo("push", "me/camel", folder, "--revision", "wild")
    assert (ran.code, ran.out) == (0, f"{hub.url}/me/camel/tree/wild\n")
    repo = the_repo(hub)
    assert history(repo) == ["initial commit"]
    assert {*repo["commits"][repo["branches"]["wild"]]["tree"]} == {*PUBLISHED, ".gitattributes"}


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--tag", "a b", "a b: it is no name for a tag. Give one like v1 or experiment"),
        ("--revision", "a..b", "a..b: it is no name for a branch. Give one like v1 or experiment"),
        ("--tag", "0" * 40, f"{'0' * 40}: it is no name for a tag. Give one like v1 or experiment"),
        (
            "--license",
            "MIT licence",
            "--license MIT licence: it is neither in the Hub's list nor an SPDX identifier. "
            "Give one like mit, apache-2.0 or cc-by-4.0, or other",
        ),
        (
            "--license",
            "apache2.0",
            "--license apache2.0: it is neither in the Hub's list nor an SPDX identifier. Did you mean 'apache-2.0'?",
        ),
    ],
)
def test_names_and_licences_that_are_none(
    hub: Hub, me: Person, folder: Path, option: str, value: str, sentence: str
) -> None:
    ran = me.zoo("push", "me/camel", folder, option, value)
    assert (ran.code, ran.err) == (3, f"{sentence}\n")
    assert hub.log == []


def test_what_the_export_did_not_prove_is_not_published(hub: Hub, me: Person, folder: Path) -> None:
    again = f"Run `zoo export {folder} --onnx`"
    config = GeneratorFolder.open(folder).add_files({ONNX: tiny_onnx(1)}).config
    proven = sha256(tiny_onnx(0)).hexdigest()
    ran = me.zoo("push", "me/camel", folder)
    sentence = (
        f"{folder / ONNX}: onnx/report.json proves {proven[:12]}, not the {config.files[ONNX].sha256[:12]}... "
        f"that is there. {again}\n"
    )
    assert (ran.code, ran.err) == (4, sentence)
    GeneratorFolder.open(folder).add_files({"onnx/report.json": b"[1]"})
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.err) == (3, f"{folder}/onnx/report.json: it is no export report. {again}\n")
    listed = {
        name: file
        for name, file in GeneratorFolder.open(folder).config.files.items()
        if name != "onnx/report.json"
    }
    GeneratorFolder.write(folder, {}, config.model_copy(update={"files": listed}))
    ran = me.zoo("push", "me/camel", folder)
    sentence = f"{folder}: it has no onnx/report.json, which proves the ONNX file against torch. {again}\n"
    assert (ran.code, ran.err) == (3, sentence)
    assert hub.log == []


@pytest.mark.parametrize("action", ["lost", "refuse", "status"])
def test_a_lost_answer_makes_no_second_commit(hub: Hub, me: Person, folder: Path, action: Action) -> None:
    fault = hub.fault(action, path="/commit/main")
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, fault.fired) == (0, 1)
    assert "nothing changed" not in ran.err
    assert history(the_repo(hub)) == ["Publish camel-wgangp", "initial commit"]


def test_a_commit_of_somebody_elses_in_between_is_not_mixed_with(hub: Hub, me: Person, folder: Path) -> None:
    hub.fault("status", path="/commit/main", status=412, times=0)
    ran = me.zoo("push", "me/camel", folder)
    sentence = f"me/camel: somebody changed it meanwhile (412). Look at {hub.url}/me/camel, then push again\n"
    assert (ran.code, ran.err) == (6, sentence)
    assert history(the_repo(hub)) == ["initial commit"]


def test_a_card_edited_on_the_hub_survives(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    card = (folder / "README.md").read_text()
    put(hub, {"README.md": card.replace("<!-- zoo:begin use", "Ask Ali.\n\n<!-- zoo:begin use").encode()})
    make_folder(folder, seed=1)
    assert me.zoo("push", "me/camel", folder, "--license", "mit").code == 0
    after = published(hub, the_repo(hub))["README.md"].decode()
    assert after == (folder / "README.md").read_text()
    assert after.count("Ask Ali.\n\n<!-- zoo:begin use") == 1
    assert "\nlicense: mit\n" in after
    assert GeneratorFolder.open(folder).config.files[ONNX].sha256 in after


def test_the_hub_refuses_a_card_that_it_cannot_read(hub: Hub, me: Person, folder: Path) -> None:
    hub.fault("status", path="/api/validate-yaml", status=400, times=0)
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.err) == (3, f"{folder / 'README.md'}: Invalid metadata in README.md. Mend it\n")
    assert history(the_repo(hub)) == ["initial commit"]


def test_the_token_stays_out_of_everything(hub: Hub, me: Person, folder: Path) -> None:
    ran = me.zoo("push", "me/camel", folder, "--tag", "v1")
    assert "hf_me" not in ran.out + ran.err
    assert hub.leaked_tokens == 0
    everything = [*published(hub, the_repo(hub)).values(), *contents(folder, PUBLISHED).values()]
    assert not any(b"hf_me" in data for data in everything)


KILLED_AT = ["/repos/create", "/validate-yaml", "/preupload/", "/x/put/", "/x/verify/", "/commit/main"]


@pytest.mark.parametrize("path", KILLED_AT)
def test_a_push_that_is_killed_leaves_the_old_commit_or_the_new(
    hub: Hub, me: Person, folder: Path, tmp_path: Path, path: str
) -> None:
    """`python -m benchmarks.hub_kills` does it at 20 moments."""
    name = "me/new" if path == "/repos/create" else "me/camel"
    assert me.zoo("push", "me/camel", folder).code == 0
    old = published(hub, the_repo(hub))
    new = make_folder(tmp_path / "other", seed=1)
    fault = hub.fault("slow", path=path, delay=0.4)
    command = [sys.executable, "-m", "tests.support.hub.run", "push", name, str(new)]
    with subprocess.Popen(command, env=me.settings(), cwd=me.home) as process:
        while not fault.fired:
            time.sleep(0.01)
        process.kill()
    time.sleep(0.7)  # until the server has done what it was asked
    assert published(hub, the_repo(hub)) in (old, contents(new, PUBLISHED))
    assert me.zoo("push", name, new).code == 0
    assert published(hub, the_repo(hub, name)) == contents(new, PUBLISHED)
