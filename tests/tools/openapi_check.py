#!/usr/bin/env python3
"""Validates OpenAPI 3.0 documents against the specification's own schema: openapi_check.py FILE...

The schema is the one that the OpenAPI Initiative publishes (Debian: openapi-specification). What it cannot say is looked at
besides: references lead somewhere, path parameters are those of the path, operationIds are unique, and each schema among the
components is one in itself.
"""
import glob
import json
import re
import sys

import jsonschema

SCHEMA = "/usr/share/openapi-specification/schemas/v3.0/schema.json"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


def references(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "$ref":
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def resolves(document, reference):
    if not reference.startswith("#/"):
        return False
    at = document
    for part in reference[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(at, dict) or part not in at:
            return False
        at = at[part]
    return True


def complaints(document):
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    for error in jsonschema.Draft4Validator(schema).iter_errors(document):
        yield "/".join(map(str, error.absolute_path)) + ": " + error.message[:300]
    for reference in references(document):
        if not resolves(document, reference):
            yield f"{reference} leads nowhere"
    seen = set()
    for path, item in document["paths"].items():
        common = [p["name"] for p in item.get("parameters", []) if p["in"] == "path"]
        for method in METHODS:
            if method not in item:
                continue
            own = [p["name"] for p in item[method].get("parameters", []) if p["in"] == "path"]
            if sorted(common + own) != sorted(re.findall(r"{(\w+)}", path)):
                yield f"{method} {path}: its path parameters are {common + own}"
            name = item[method].get("operationId")
            if name in seen:
                yield f"{method} {path}: operationId {name} is another one's"
            seen.add(name)
    for name, component in document.get("components", {}).get("schemas", {}).items():
        try:
            jsonschema.Draft4Validator.check_schema(component)
        except jsonschema.SchemaError as error:
            yield f"components/schemas/{name}: {error.message[:300]}"


def main():
    if not glob.glob(SCHEMA):
        sys.exit(f"openapi_check.py: {SCHEMA} is missing: tools/packages.sh test")
    found = False
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            document = json.load(file)
        for complaint in complaints(document):
            print(f"{name}: {complaint}")
            found = True
    sys.exit(1 if found or len(sys.argv) < 2 else 0)


main()
