"""What is vendored is what the manifests say, unchanged; nothing is loaded from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"
BROWSER = ROOT / "tests" / "browser" / "vendor"

MANIFESTS = {STATIC / "vendor" / "manifest.json": STATIC, BROWSER / "manifest.json": BROWSER}


def packages(manifest: Path) -> list[dict[str, object]]:
    return list(json.loads(manifest.read_text())["packages"])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda m: m.parent.parent.name)
def test_each_vendored_file_has_the_hash_of_the_manifest(manifest: Path) -> None:
    for package in packages(manifest):
        files = package["files"]
        assert isinstance(files, dict) and files, package["name"]
        for name, digest in files.items():
            content = (MANIFESTS[manifest] / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest, name


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda m: m.parent.parent.name)
def test_each_package_says_version_licence_and_source(manifest: Path) -> None:
    for package in packages(manifest):
        assert all(package[key] for key in ("name", "version", "licence", "source"))
        assert any("LICENSE" in name for name in package["files"]), package["name"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda m: m.parent.parent.name)
def test_no_vendored_file_is_missing_from_the_manifest(manifest: Path) -> None:
    known = {
        MANIFESTS[manifest] / name
        for package in packages(manifest)
        for name in package["files"]  # type: ignore[attr-defined]
    }
    there = {path for path in manifest.parent.rglob("*") if path.is_file()}
    assert there - known == {manifest}


def test_templates_name_only_icons_that_the_sprite_has() -> None:
    sprite = (STATIC / "icons.svg").read_text()
    symbols = set(re.findall(r'<symbol id="i-([\w-]+)"', sprite))
    assert len(symbols) == sprite.count("<symbol")
    used = {
        name
        for template in TEMPLATES.rglob("*.html")
        for name in re.findall(r'\b(?:icon|mark)\("([\w-]+)"', template.read_text())
    }
    assert used and {name for name in used if not name.endswith("-")} <= symbols


def test_templates_hold_nothing_that_the_content_security_policy_refuses() -> None:
    refused = re.compile(
        r"""\sstyle\s*=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+\s*=\s*["']|\bhx-on|javascript:|js:"""
        r"""|(?:src|href|action)\s*=\s*["'](?:https?:)?//""",
        re.IGNORECASE,
    )
    for template in TEMPLATES.rglob("*.html"):
        found = refused.search(template.read_text())
        assert found is None, f"{template.relative_to(ROOT)}: {found and found[0]}"


def test_our_own_files_load_nothing_from_elsewhere() -> None:
    for name in ("theme.css", "app.js"):
        text = (STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "@import" not in text, name
    assert not re.search(r"\beval\(|new Function|innerHTML", (STATIC / "app.js").read_text())
