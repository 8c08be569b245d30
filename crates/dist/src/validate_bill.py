"""Fails where a bill of materials breaks the schema of CycloneDX. Arguments: the folder with the tool that has the schema, the bill."""

import glob
import json
import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
from jsonschema import Draft7Validator, FormatChecker, RefResolver

tool, bill = sys.argv[1:]
schemas = {}
for path in glob.glob(f"{tool}/lib/python3*/site-packages/cyclonedx/schema/_res/*.schema.json"):
    with open(path, encoding="utf-8") as file:
        schemas[path.rsplit("/", 1)[1]] = json.load(file)
with open(bill, encoding="utf-8") as file:
    bill = json.load(file)
schema = schemas[f"bom-{bill['specVersion']}.SNAPSHOT.schema.json"]
# The schemas name each other relative to their own address: found here, not fetched.
store = {f"http://cyclonedx.org/schema/{name}": loaded for name, loaded in schemas.items()}
resolver = RefResolver(schema["$id"], schema, store)
validator = Draft7Validator(schema, resolver=resolver, format_checker=FormatChecker())
errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(bill)]
sys.exit("\n".join(errors) or 0)
