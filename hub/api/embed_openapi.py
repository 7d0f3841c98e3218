#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns schema/openapi.yaml into a C file that holds it as JSON: embed_openapi.py IN.yaml OUT.c"""
import json
import os
import sys

import yaml

PER_LINE = 24


def unique(loader, node, deep=False):
    """Builds a mapping; a key that is there twice would silently hide half of the description."""
    seen = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise SystemExit(f"{key_node.start_mark.line + 1}: duplicate key {key!r}")
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


class Loader(yaml.SafeLoader):
    """Safe, refuses duplicate keys, and leaves times as text."""


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, unique)
Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def refuse_empty(value, at):
    """A comma in an unquoted text of a flow mapping makes keys without a value."""
    if value is None:
        raise SystemExit(f"{at}: empty value; is a text with a comma not quoted?")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key != "example":
            refuse_empty(item, f"{at}/{key}")


def main(source, target):
    with open(source, encoding="utf-8") as f:
        document = yaml.load(f, Loader=Loader)
    refuse_empty(document, source)
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n"
    data = text.encode("ascii")
    lines = [",".join(str(b) for b in data[i:i + PER_LINE]) for i in range(0, len(data), PER_LINE)]
    temporary = target + ".new"
    with open(temporary, "w", encoding="ascii") as f:
        f.write("/* SPDX-License-Identifier: GPL-3.0-or-later */\n")
        f.write(f"/* Made by hub/api/embed_openapi.py from {os.path.basename(source)}. */\n")
        f.write('#include "hub/api/openapi.h"\n\n')
        f.write("const char openapi_json[] = {\n" + ",\n".join(lines) + ",0\n};\n")
        f.write("const size_t openapi_json_len = sizeof(openapi_json) - 1;\n")
    os.replace(temporary, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])
