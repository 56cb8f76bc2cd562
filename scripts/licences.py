"""Checks each dependency's licence against `licenses.allow` of deny.toml: what `cargo deny check licenses` does, where
cargo-deny isn't installed. Reads `cargo metadata --format-version 1` from standard input."""

import json
import pathlib
import re
import sys

DENY = pathlib.Path(__file__).resolve().parent.parent / "deny.toml"


def allowed_licences():
    """The strings of `licenses.allow`; by hand, since Python has a TOML parser only from 3.11 on."""
    text = "\n".join(line.split("#")[0] for line in DENY.read_text(encoding="utf-8").splitlines())
    section = re.search(r"^\[licenses\]$(.*?)(?=^\[|\Z)", text, re.M | re.S)
    listed = section and re.search(r"^allow\s*=\s*\[(.*?)\]", section[1], re.M | re.S)
    licences = set(re.findall(r'"([^"]+)"', listed[1])) if listed else set()
    if not licences:
        sys.exit(f"{DENY.name}: found no `allow` list under [licenses]")
    return licences


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met by allowed licences alone; `/` is crates.io's older spelling of OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def peek():
        return tokens[0] if tokens else None

    def take():
        if not tokens:
            raise ValueError("ends too early")
        return tokens.pop(0)

    def either():
        met = both()
        while peek() == "OR":
            take()
            met = both() or met
        return met

    def both():
        met = one()
        while peek() == "AND":
            take()
            met = one() and met
        return met

    def one():
        token = take()
        if token == "(":
            met = either()
            if take() != ")":
                raise ValueError("a parenthesis isn't closed")
            return met
        if token in (")", "AND", "OR", "WITH"):
            raise ValueError(f"`{token}` out of place")
        if peek() == "WITH":
            take()
            token = f"{token} WITH {take()}"
        return token in allowed

    met = either()
    if tokens:
        raise ValueError(f"`{tokens[0]}` out of place")
    return met


def main():
    allowed = allowed_licences()
    packages = json.load(sys.stdin)["packages"]
    refused = []
    for package in packages:
        licence = package["license"]
        try:
            if licence and satisfied(licence, allowed):
                continue
            why = licence or "states no licence"
        except ValueError as error:
            why = f"{licence} ({error})"
        refused.append(f"{package['name']} {package['version']}: {why}")
    for line in sorted(refused):
        print(line, file=sys.stderr)
    if refused:
        sys.exit(f"{len(refused)} of {len(packages)} packages have a licence that deny.toml doesn't allow")
    print(f"licences: all {len(packages)} packages are under what deny.toml allows")


if __name__ == "__main__":
    main()
