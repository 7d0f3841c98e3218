# SPDX-License-Identifier: GPL-3.0-or-later
"""schema/openapi.yaml as the tests use it: its operations, a call for each, and whether an answer is what it says.

Everything is derived from the file, so that a new route is covered as soon as it is described.
"""

import jsonschema

METHODS = ("get", "post", "patch", "put", "delete")
ROLES = ("auditor", "operator", "admin")


class Operation:
    def __init__(self, spec, path, method, node, shared):
        self.spec, self.path, self.method, self.node = spec, path, method.upper(), node
        self.parameters = [spec.deref(p) for p in (*shared, *node.get("parameters", []))]
        body = spec.deref(node.get("requestBody", {})).get("content", {}).get("application/json", {})
        self.example, self.body_schema = body.get("example"), body.get("schema")
        self.open = node.get("security") == []
        # As the file's own description says: who looks is an auditor, who changes an operator, unless another is named.
        self.role = None if self.open else node.get("x-role") or ("auditor" if self.method == "GET" else "operator")

    def __repr__(self):
        return f"{self.method} {self.path}"

    def takes(self, name):
        return any(p["name"] == name for p in self.parameters)

    @property
    def word(self):
        """The word by which scopes speak of it."""
        word = self.path.removeprefix("/api/v1/").lstrip("/").split("/")[0].split(".")[0]
        return "revision" if word == "revisions" else word

    def allowed_to(self, role, scopes=()):
        if self.open:
            return True
        if ROLES.index(role) < ROLES.index(self.role):
            return False
        return not scopes or any(s.split(":")[0] == self.word and (":" not in s or self.method == "GET") for s in scopes)

    def check(self, answer):
        """The answer is one that the file has for this operation; a wrong one fails with what is wrong."""
        responses = self.node["responses"]
        described = self.spec.deref(responses.get(str(answer.status)) or responses["default"])
        assert str(answer.status) in responses or answer.status >= 400, (self, answer)
        content = described.get("content", {})
        if not content:
            assert not answer.body, (self, answer)
            return
        assert answer.kind in content, (self, answer)
        if answer.json is not None:
            self.spec.validate(content[answer.kind].get("schema", {}), answer.json, (self, answer))
        if answer.status >= 400:
            assert answer.kind == "application/problem+json" and answer.json["status"] == answer.status, (self, answer)


class Spec:
    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.operations = [Operation(self, path, m, node[m], node.get("parameters", []))
                           for path, node in document["paths"].items() for m in METHODS if m in node]

    def deref(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def validate(self, schema, value, what):
        errors = list(jsonschema.Draft202012Validator(schema, resolver=self.resolver).iter_errors(value))
        assert not errors, (what, [(list(e.absolute_path), e.message) for e in errors[:3]])
