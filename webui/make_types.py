#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns schema/openapi.yaml into TypeScript types: make_types.py IN.yaml OUT.ts

Every schema becomes a type of its name; every operation a member of Operations, "METHOD /path", with query, body and
reply. So a page that uses what the API does not have does not compile.
"""
import json
import sys

import yaml

SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
METHODS = ("get", "post", "put", "patch", "delete")


class Loader(yaml.SafeLoader):
    """Safe, and leaves times as text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def union(types):
    return " | ".join(dict.fromkeys(types))


def object_type(schema):
    if "properties" not in schema:
        more = schema.get("additionalProperties")
        if more is False:
            return "Record<string, never>"
        return f"Record<string, {type_of(more) if isinstance(more, dict) else 'unknown'}>"
    required = schema.get("required", ())
    members = (
        f"{json.dumps(name)}{'' if name in required else '?'}: {type_of(member)}"
        for name, member in schema["properties"].items()
    )
    return "{ " + "; ".join(members) + " }"


def type_of(schema):
    """The TypeScript type of a schema."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    if "enum" in schema:
        return union(json.dumps(value) for value in schema["enum"])
    if "oneOf" in schema or "anyOf" in schema:
        return union(type_of(one) for one in schema.get("oneOf") or schema["anyOf"])
    kinds = schema.get("type", [])
    parts = []
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind == "object":
            parts.append(object_type(schema))
        elif kind == "array":
            parts.append(f"({type_of(schema['items'])})[]")
        else:
            parts.append(SCALARS[kind])
    return union(parts) if parts else "unknown"


def resolve(document, thing):
    while "$ref" in thing:
        found = document
        for part in thing["$ref"][2:].split("/"):
            found = found[part]
        thing = found
    return thing


def content_type(document, thing):
    """The type of a request's or response's content; None without any."""
    content = resolve(document, thing).get("content")
    if not content:
        return None
    return type_of(content["application/json"]["schema"]) if "application/json" in content else "string"


def query_type(document, parameters):
    members = []
    for parameter in (resolve(document, p) for p in parameters):
        if parameter["in"] != "query":
            continue
        kind = type_of(parameter["schema"])
        mark = "" if parameter.get("required") else "?"
        members.append(f"{json.dumps(parameter['name'])}{mark}: {kind}")
    return "{ " + "; ".join(members) + " }" if members else "Record<string, never>"


def operation_type(document, path_item, operation):
    parameters = [*path_item.get("parameters", ()), *operation.get("parameters", ())]
    body = content_type(document, operation["requestBody"]) if "requestBody" in operation else None
    replies = [content_type(document, r) for status, r in operation["responses"].items() if status.startswith("2")]
    reply = union(r for r in replies if r) or "null"
    return f"{{ query: {query_type(document, parameters)}; body: {body or 'undefined'}; reply: {reply} }}"


def main(source, target):
    with open(source, encoding="utf-8") as f:
        document = yaml.load(f, Loader=Loader)
    lines = ["// SPDX-License-Identifier: GPL-3.0-or-later", "// Made by webui/make_types.py from schema/openapi.yaml."]
    for name, schema in document["components"]["schemas"].items():
        lines.append(f"export type {name} = {type_of(schema)};")
    lines.append("export interface Operations {")
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                lines.append(f"\t{json.dumps(method.upper() + ' ' + path)}: {operation_type(document, item, item[method])};")
    lines.append("}")
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])
