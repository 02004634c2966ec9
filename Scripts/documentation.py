#!/usr/bin/env python3
"""The symbol graphs of the documentation, and whether its pages name them.

documentation.py modules               the modules whose symbols are shown
documentation.py merge GRAPHS OUTPUT   one folder of symbol graphs for each site, in OUTPUT
documentation.py check OUTPUT          every public symbol has a comment and stands under a theme, and every theme's
                                       symbol exists

A reader of the site meets the modules that a user imports. NeuralTangents is an umbrella: it exports other modules again, so
their symbols become its own here, wherever a declaration lives. DataFiles, which adds files to tensors, is shown with Tensors.
What extends types of the system is left out.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Types with more members than a reader can look through have them grouped on a page of their own.
MANY_MEMBERS = 60


def sites():
    """The modules of each site: (name, folder of its pages, modules)."""
    text = "\n".join(f.read_text() for f in (ROOT / "Sources/NeuralTangents").rglob("*.swift"))
    exported = re.findall(r"^@_exported import (\w+)", text, re.MULTILINE)
    own = ["Tensors", "DataFiles"]
    return [
        ("Tensors", ROOT / "Sources/Tensors/Tensors.docc", own),
        (
            "NeuralTangents",
            ROOT / "Sources/NeuralTangents/NeuralTangents.docc",
            ["NeuralTangents"] + [module for module in exported if module not in own],
        ),
    ]


def merged(name, modules, folder):
    """One graph of all modules, as if a module of this name declared their symbols."""
    symbols, relationships, head = {}, [], None
    for file in sorted(folder.glob("*.symbols.json")):
        declaring, _, extended = file.name.removesuffix(".symbols.json").partition("@")
        if declaring not in modules or extended and extended not in modules:
            continue
        graph = json.loads(file.read_text())
        head = head or graph
        for symbol in graph["symbols"]:
            # Where it was declared is of no interest to who imports the umbrella.
            symbol.pop("swiftExtension", None)
            symbols.setdefault(symbol["identifier"]["precise"], symbol)
        relationships += graph["relationships"]
    if head is None:
        sys.exit(f"documentation: no symbol graphs of {', '.join(modules)} in {folder}")
    return {
        "metadata": head["metadata"],
        "module": {"name": name, "platform": head["module"]["platform"]},
        "symbols": list(symbols.values()),
        "relationships": [r for r in relationships if r["source"] in symbols],
    }


def merge(graphs, output):
    for name, _, modules in sites():
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        graph = merged(name, modules, graphs)
        (folder / f"{name}.symbols.json").write_text(json.dumps(graph))


def path(components):
    return "/".join(components)


def without_disambiguation(link):
    """`gradient(of:)-3k2ab` or `-(A)->B` is one of several of its name."""
    return re.sub(r"(?<=.)-(?:[0-9a-z]{4,6}|\(.*|swift\..*|>.*)$", "", link)


def themes(page):
    """The page's title, and the symbols that its lists under Topics name, with the lines."""
    lines = page.read_text().split("\n")
    title = next((line[2:].strip().strip("`") for line in lines if line.startswith("# ")), "")
    named, within = [], False
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            within = line.strip() == "## Topics"
        link = re.match(r"- ``(.+)``$", line)
        if within and link:
            named.append((link[1], number))
    return title, named


def uncommented(graph):
    """Public symbols without a comment, but for those that speak for themselves: initialisers, cases, and what fulfils a
    protocol's requirement, whose comment is that of the requirement."""
    requirements = {r["source"] for r in graph["relationships"] if r["kind"].endswith("equirementOf")}
    names = {s["pathComponents"][-1] for s in graph["symbols"] if s["identifier"]["precise"] in requirements}
    names |= {"description", "rawValue", "encode(to:)", "hash(into:)", "==(_:_:)"}
    for symbol in graph["symbols"]:
        spoken = symbol["kind"]["identifier"] in ("swift.init", "swift.enum.case")
        if "docComment" not in symbol and not spoken and symbol["pathComponents"][-1] not in names:
            yield path(symbol["pathComponents"])


def check(output):
    mistakes = []
    for name, catalog, _ in sites():
        graph = json.loads((output / name / f"{name}.symbols.json").read_text())
        known = {path(s["pathComponents"]) for s in graph["symbols"]}
        mistakes += [f"{name}: {symbol} has no comment" for symbol in uncommented(graph)]
        found, grouped = set(), {}
        for page in sorted(catalog.rglob("*.md")):
            title, named = themes(page)
            for link, number in named:
                link = without_disambiguation(link.removeprefix(f"/{name}/").removeprefix(f"{name}/"))
                # On the page of a type its members are named without it.
                inner = f"{title.removeprefix(f'{name}/')}/{link}"
                target = inner if inner in known else link
                if target not in known:
                    mistakes.append(f"{page.relative_to(ROOT)}:{number}: no public symbol is called {link}")
                found.add(target)
            grouped[title.removeprefix(f"{name}/")] = page
        members = {}
        for symbol in known:
            parts = symbol.split("/", 1)
            if len(parts) == 1 and symbol not in found:
                mistakes.append(f"{name}: {symbol} stands under no theme of {catalog.relative_to(ROOT)}")
            if len(parts) == 2 and "/" not in parts[1]:
                members.setdefault(parts[0], []).append(symbol)
        for owner, symbols in members.items():
            if len(symbols) > MANY_MEMBERS or owner in grouped:
                missing = [symbol for symbol in symbols if symbol not in found]
                mistakes += [f"{name}: {symbol} stands under no theme on the page of {owner}" for symbol in missing]
        print(f"{name}: {len(known)} public names, {sum('/' not in symbol for symbol in known)} at the top")
    if mistakes:
        sys.exit("\n".join(sorted(mistakes)))


if __name__ == "__main__":
    if sys.argv[1:] == ["modules"]:
        print("\n".join(module for _, _, modules in sites() for module in modules))
    elif sys.argv[1:2] == ["merge"] and len(sys.argv) == 4:
        merge(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    elif sys.argv[1:2] == ["check"] and len(sys.argv) == 3:
        check(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
